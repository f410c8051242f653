/** The fuzz net (testing/fuzz) over question files, pictures and sounds. */
import { annotationTargets } from '../../testing/fuzz/annotations';
import { mediaTargets } from '../../testing/fuzz/media';
import { fuzzAll } from '../../testing/fuzz/suite';

fuzzAll('readers of data refuse it in words or read it soundly', async () => [
  ...(await annotationTargets()),
  ...(await mediaTargets()),
]);
