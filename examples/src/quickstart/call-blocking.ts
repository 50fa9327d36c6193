import { createSyncClient } from 'callgate';
import { Greeter } from '../gen/greeter.js';

const greeter = createSyncClient(Greeter);
console.log(greeter.greet({ name: 'Grace' }).greeting);
greeter.$close();
