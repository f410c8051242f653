/** The fuzz net (testing/fuzz) over archives, weights, manifests, records of runs and configurations of checkpoints. */
import { containerTargets } from '../../testing/fuzz/containers';
import { documentTargets } from '../../testing/fuzz/documents';
import { pytorchTargets } from '../../testing/fuzz/pytorch';
import { fuzzAll } from '../../testing/fuzz/suite';

fuzzAll('readers of other files refuse it in words or read it soundly', async () => [
  ...containerTargets(),
  ...(await pytorchTargets()),
  ...documentTargets(),
]);
