import { createClient } from 'callgate';
import { Greeter } from '../gen/greeter.js';

const greeter = createClient(Greeter);
const { greeting } = await greeter.greet({ name: 'Ada' }, { timeout: 250 });
console.log(greeting);
await greeter.$close();
