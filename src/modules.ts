/** The two modules whose balance is studied. The connector belongs to one of them by `connectorSide`. */
export type ModuleName = 'encoder' | 'backbone';
export type PerModule<T> = Record<ModuleName, T>;

/** In the order in which state, inputs and gradients stand. */
export const moduleNames: readonly ModuleName[] = ['encoder', 'backbone'];

/** The same for both modules. */
export const both = <T>(of: (module: ModuleName) => T): PerModule<T> => ({
  encoder: of('encoder'),
  backbone: of('backbone'),
});

/** What an encoder reads and a task asks about. */
export type Modality = 'image' | 'audio';
