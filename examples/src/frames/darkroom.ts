/** Gets pictures as loans: it reads them where the camera wrote them, and writes the negatives where the camera will read them. */
import { createServer, releaseLoan } from 'callgate';
import { Darkroom } from '../gen/frames.js';

const server = createServer({ trusted: true });
server.add(Darkroom, {
  develop({ width, height, points }, context) {
    const negative = context.allocate(points.length);
    for (let i = 0; i < points.length; i++) negative[i] = 255 - points[i]!;
    // From here on the camera may write its next picture there.
    releaseLoan(points);
    return { width, height, points: negative };
  },
});
// Over transports that copy, messages are as large as the pictures.
await server.listen(process.argv[2] ?? 'shm:darkroom', { maxMessageBytes: 2 ** 24 });
console.log('The darkroom is open.');

process.once('SIGTERM', () => server.close());
