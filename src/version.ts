/**
 * Semantic version of the method: everything that decides the numbers of a run and is neither in its RunSpec nor in its
 * data (models, losses, kappa, schedulers, optimisers, order of examples). It is part of a run's identity: raise the
 * patch for a repair that changes numbers in the last digits, the minor for one that changes results, the major for a
 * new method.
 */
export const methodVersion = '1.0.2';
