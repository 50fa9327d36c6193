export * from '@callgate/core/codec';
