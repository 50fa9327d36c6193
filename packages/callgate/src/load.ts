export * from '@callgate/core/codec/load';
