"""Reads what `equipoise export metrics` wrote with the tools it is meant for, and prints what they see as JSON."""
import json
import os
import sys


def tables(folder, kind):
    import pandas

    read = pandas.read_parquet if kind == "parquet" else pandas.read_csv
    runs, metrics, predictions = (read(os.path.join(folder, f"{name}.{kind}")) for name in ("runs", "metrics", "predictions"))
    loss = metrics[metrics.name == "train/loss"].merge(runs, on="run")
    last = loss.sort_values("step").groupby("run").value.last()
    return {
        "runs": len(runs),
        "accuracy": runs.groupby("method").accuracy.mean().to_dict(),
        "last": last.to_dict(),
        "seed": str(runs.seed.dtype),
        "questions": sorted(predictions.question.unique()),
        "correct": int(predictions.correct.sum()),
        "choices": len(predictions.choices[0]) if kind == "parquet" else len(json.loads(predictions.choices[0])),
    }


def events(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    found = {}
    for path, _, files in sorted(os.walk(folder)):
        if not files:
            continue
        read = EventAccumulator(path, size_guidance={"scalars": 0}).Reload()
        content = read.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        settings = HParamsPluginData.FromString(content).session_start_info
        found[os.path.relpath(path, folder).replace(os.sep, "/")] = {
            "loss": [[each.step, each.value] for each in read.Scalars("train/loss")],
            "tags": len(read.Tags()["scalars"]),
            "group": settings.group_name,
            "seed": settings.hparams["seed"].number_value,
        }
    return found


def mlflow_runs(address):
    import mlflow
    from mlflow.tracking import MlflowClient

    mlflow.set_tracking_uri(address)
    client = MlflowClient()
    experiment = client.get_experiment_by_name("small")
    found = {}
    for run in client.search_runs([experiment.experiment_id]):
        answers = None
        if "mlflow.loggedArtifacts" in run.data.tags:
            answers = len(client.load_table(experiment.experiment_id, "predictions.json", run_ids=[run.info.run_id]))
        found[run.data.tags["equipoise.run"]] = {
            "status": run.info.status,
            "seed": run.data.params["seed"],
            "accuracy": run.data.metrics["accuracy"],
            "loss": [[each.step, each.value] for each in client.get_metric_history(run.info.run_id, "train/loss")],
            "answers": answers,
        }
    return found


def card(path):
    from pathlib import Path

    from huggingface_hub import ModelCard

    return ModelCard.load(Path(path)).data.to_dict()


readers = {"parquet": lambda at: tables(at, "parquet"), "csv": lambda at: tables(at, "csv"), "events": events, "mlflow": mlflow_runs, "card": card}
print(json.dumps(readers[sys.argv[1]](sys.argv[2])))
