/**
 * The connector that a published checkpoint brings along (src/models/published): a name for manifests, nothing to
 * build.
 */
import { defineConnector } from './connector';

export const published = defineConnector({
  file: __filename,
  about: "the connector of the run's checkpoint, trained as it stands",
  options: {},
  facts: { ofCheckpoint: true },
  make: () => () => {
    throw new Error('the connector of a checkpoint comes with it');
  },
});
