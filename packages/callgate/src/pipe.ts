export { type PipedChild, type SpawnPlace, type SpawnWithPipesOptions, spawnWithPipes } from '@callgate/transport-pipe';
