/** Constructor injection for services: tsyringe as Callgate uses it, and the token of a call's context. */
export * from '@callgate/core/di';
