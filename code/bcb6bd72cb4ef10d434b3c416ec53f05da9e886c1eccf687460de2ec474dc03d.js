// 1a711323b7837685bc44c41db46dbdf63b84b17cf09bd3f6106d15fe00ce95a8
/**
 * The table of all commands, in the order of the help. A command is one file, loaded when it is called, and one entry
 * here.
 */ "use strict";
Object.defineProperty(exports, "__esModule", {
    value: true
});
Object.defineProperty(exports, "commands", {
    enumerable: true,
    get: function() {
        return commands;
    }
});
const _nodemodule = require("node:module");
/** A dynamic import would do in another set-up; here it stays a native import, which does not know TypeScript files. */ const load = (0, _nodemodule.createRequire)(__filename);
/** The definition that a command's file exports, loaded when it is asked for. */ const file = (path)=>()=>load(path).define;
const commands = [
    {
        call: 'reproduce [manifest]',
        description: 'fetch, train, draw: the quickstart, or another manifest, from nothing to its figures',
        load: file('./reproduce'),
        parts: true
    },
    {
        call: 'plan <manifest>',
        description: 'show every run of a manifest: new, done, partial or failed, and why',
        load: file('./plan'),
        parts: true
    },
    {
        call: 'run <manifest>',
        description: 'train the runs of a manifest that are not done',
        load: file('./run'),
        parts: true
    },
    {
        call: 'status [experiment]',
        description: 'count the runs of every experiment, or list those of one',
        load: file('./status'),
        parts: true
    },
    {
        call: 'cancel <experiment> [runs...]',
        description: 'cancel the jobs of an experiment in a Slurm cluster, all or those of some runs',
        load: file('./cancel')
    },
    {
        call: 'why <run>',
        description: 'say why a run is new, partial, failed or done, and how it differs from the nearest finished run',
        load: file('./why'),
        parts: true
    },
    {
        call: 'worker-run <plan> <id>',
        description: 'bring one planned run of a job array to done',
        hidden: true,
        load: file('./workerRun'),
        parts: true
    },
    {
        call: 'figures [experiment]',
        description: 'draw the figures of an experiment, by default of all: SVG, PDF, PNG, Vega-Lite specification and data as CSV',
        load: file('./figures'),
        parts: true
    },
    {
        call: 'tables [experiment]',
        description: 'make the tables of an experiment, by default of all: CSV, Markdown and LaTeX',
        load: file('./tables'),
        parts: true
    },
    {
        call: 'report [experiment]',
        description: 'write an experiment, by default each, as one HTML page with figures, tables, settings and provenance; it needs no network',
        load: file('./report'),
        parts: true
    },
    {
        call: 'claims [experiment]',
        description: 'say which claims the runs support or contradict, of an experiment or of those that the claims name',
        load: file('./claims'),
        parts: true
    },
    {
        call: 'keep <experiment>',
        description: 'keep the finished runs of an experiment in one compact file (Parquet), from which figures and tables are made as from the runs',
        load: file('./keep'),
        parts: true
    },
    {
        call: 'score <experiment>',
        description: 'compute the metrics of finished runs again from their stored predictions, without data or model, and hold run.json to them',
        load: file('./score'),
        parts: true
    },
    {
        call: 'evaluate <run>',
        description: 'evaluate a finished run on its own task or, zero-shot, on another of the same modality',
        load: file('./evaluate'),
        parts: true
    },
    {
        call: 'landscape <experiment> [runs...]',
        description: 'measure the loss around the way that finished runs took through their parameters, for the figure loss-contours',
        load: file('./landscape'),
        parts: true
    },
    {
        call: 'export',
        description: 'finished experiments, trained adapters and base weights for others',
        commands: [
            {
                call: 'peft <run-or-experiment> <folder>',
                description: "write a run's LoRA adapter (or fully trained backbone) and connector for PEFT and transformers",
                load: file('./export/peft'),
                parts: true
            },
            {
                call: 'backbone <name> <folder>',
                description: "write a pretrained backbone in transformers' layout, onto which adapters are loaded",
                load: file('./export/backbone')
            },
            {
                call: 'ro-crate <experiment>',
                description: 'write an RO-Crate: manifest, journals, figures, data manifests and environment, checked and described',
                load: file('./export/roCrate'),
                parts: true
            }
        ]
    },
    {
        call: 'verify <crate>',
        description: 'check a crate: files, manifest, identities, journals, and figures drawn again',
        load: file('./verify'),
        parts: true
    },
    {
        call: 'data',
        description: 'fetch and verify data sets and pretrained weights',
        commands: [
            {
                call: 'preview <task>',
                description: 'make a generated set and show its counts; with --out also pictures or sounds to look at and listen to',
                load: file('./data/preview')
            },
            {
                call: 'probe <task>',
                description: 'train linear probes on the frozen features of a generated set: a ceiling beside chance and the question-only baseline',
                load: file('./data/probe'),
                parts: true
            },
            {
                call: 'baseline <task>',
                description: 'score what is guessed from a question alone, for sets with free answers',
                load: file('./data/baseline')
            },
            {
                call: 'list',
                description: 'list every data manifest with its licence, size and state in the cache',
                load: file('./data/list')
            },
            {
                call: 'fetch [names...]',
                description: 'fetch, verify and unpack the named sources, by default all but whole published checkpoints',
                load: file('./data/fetch')
            },
            {
                call: 'verify [names...]',
                description: 'hash every cached file of the named sources, all by default, without a network',
                load: file('./data/verify')
            },
            {
                call: 'tasks',
                description: 'list the published sets and your own tasks, and where their files go',
                load: file('./data/tasks')
            },
            {
                call: 'import <task>',
                description: 'read, check and keep a published set or a task of your own whose files are in place',
                load: file('./data/import')
            }
        ]
    },
    {
        call: 'doctor',
        description: 'show the backends, tools and caches of this machine and what is missing',
        load: file('./doctor')
    },
    {
        call: 'check-model <folder>',
        description: 'compare a checkpoint with the numbers of a reference implementation',
        load: file('./checkModel')
    },
    {
        call: 'resources <models...>',
        description: 'what a training step of a published model needs in memory and work, from its configuration alone',
        load: file('./resources')
    }
];

//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbIi93b3JrL3d0L2xlYWQvc3JjL2NsaS9jb21tYW5kcy50cyJdLCJzb3VyY2VzQ29udGVudCI6WyIvKipcbiAqIFRoZSB0YWJsZSBvZiBhbGwgY29tbWFuZHMsIGluIHRoZSBvcmRlciBvZiB0aGUgaGVscC4gQSBjb21tYW5kIGlzIG9uZSBmaWxlLCBsb2FkZWQgd2hlbiBpdCBpcyBjYWxsZWQsIGFuZCBvbmUgZW50cnlcbiAqIGhlcmUuXG4gKi9cbmltcG9ydCB7IGNyZWF0ZVJlcXVpcmUgfSBmcm9tICdub2RlOm1vZHVsZSc7XG5pbXBvcnQgdHlwZSB7IENvbW1hbmRFbnRyeSwgRGVmaW5lIH0gZnJvbSAnLi9jb21tYW5kJztcblxuLyoqIEEgZHluYW1pYyBpbXBvcnQgd291bGQgZG8gaW4gYW5vdGhlciBzZXQtdXA7IGhlcmUgaXQgc3RheXMgYSBuYXRpdmUgaW1wb3J0LCB3aGljaCBkb2VzIG5vdCBrbm93IFR5cGVTY3JpcHQgZmlsZXMuICovXG5jb25zdCBsb2FkID0gY3JlYXRlUmVxdWlyZShfX2ZpbGVuYW1lKTtcblxuLyoqIFRoZSBkZWZpbml0aW9uIHRoYXQgYSBjb21tYW5kJ3MgZmlsZSBleHBvcnRzLCBsb2FkZWQgd2hlbiBpdCBpcyBhc2tlZCBmb3IuICovXG5jb25zdCBmaWxlID0gKHBhdGg6IHN0cmluZykgPT4gKCk6IERlZmluZSA9PiAobG9hZChwYXRoKSBhcyB7IGRlZmluZTogRGVmaW5lIH0pLmRlZmluZTtcblxuZXhwb3J0IGNvbnN0IGNvbW1hbmRzOiByZWFkb25seSBDb21tYW5kRW50cnlbXSA9IFtcbiAge1xuICAgIGNhbGw6ICdyZXByb2R1Y2UgW21hbmlmZXN0XScsXG4gICAgZGVzY3JpcHRpb246ICdmZXRjaCwgdHJhaW4sIGRyYXc6IHRoZSBxdWlja3N0YXJ0LCBvciBhbm90aGVyIG1hbmlmZXN0LCBmcm9tIG5vdGhpbmcgdG8gaXRzIGZpZ3VyZXMnLFxuICAgIGxvYWQ6IGZpbGUoJy4vcmVwcm9kdWNlJyksXG4gICAgcGFydHM6IHRydWUsXG4gIH0sXG4gIHtcbiAgICBjYWxsOiAncGxhbiA8bWFuaWZlc3Q+JyxcbiAgICBkZXNjcmlwdGlvbjogJ3Nob3cgZXZlcnkgcnVuIG9mIGEgbWFuaWZlc3Q6IG5ldywgZG9uZSwgcGFydGlhbCBvciBmYWlsZWQsIGFuZCB3aHknLFxuICAgIGxvYWQ6IGZpbGUoJy4vcGxhbicpLFxuICAgIHBhcnRzOiB0cnVlLFxuICB9LFxuICB7XG4gICAgY2FsbDogJ3J1biA8bWFuaWZlc3Q+JyxcbiAgICBkZXNjcmlwdGlvbjogJ3RyYWluIHRoZSBydW5zIG9mIGEgbWFuaWZlc3QgdGhhdCBhcmUgbm90IGRvbmUnLFxuICAgIGxvYWQ6IGZpbGUoJy4vcnVuJyksXG4gICAgcGFydHM6IHRydWUsXG4gIH0sXG4gIHtcbiAgICBjYWxsOiAnc3RhdHVzIFtleHBlcmltZW50XScsXG4gICAgZGVzY3JpcHRpb246ICdjb3VudCB0aGUgcnVucyBvZiBldmVyeSBleHBlcmltZW50LCBvciBsaXN0IHRob3NlIG9mIG9uZScsXG4gICAgbG9hZDogZmlsZSgnLi9zdGF0dXMnKSxcbiAgICBwYXJ0czogdHJ1ZSxcbiAgfSxcbiAge1xuICAgIGNhbGw6ICdjYW5jZWwgPGV4cGVyaW1lbnQ+IFtydW5zLi4uXScsXG4gICAgZGVzY3JpcHRpb246ICdjYW5jZWwgdGhlIGpvYnMgb2YgYW4gZXhwZXJpbWVudCBpbiBhIFNsdXJtIGNsdXN0ZXIsIGFsbCBvciB0aG9zZSBvZiBzb21lIHJ1bnMnLFxuICAgIGxvYWQ6IGZpbGUoJy4vY2FuY2VsJyksXG4gIH0sXG4gIHtcbiAgICBjYWxsOiAnd2h5IDxydW4+JyxcbiAgICBkZXNjcmlwdGlvbjogJ3NheSB3aHkgYSBydW4gaXMgbmV3LCBwYXJ0aWFsLCBmYWlsZWQgb3IgZG9uZSwgYW5kIGhvdyBpdCBkaWZmZXJzIGZyb20gdGhlIG5lYXJlc3QgZmluaXNoZWQgcnVuJyxcbiAgICBsb2FkOiBmaWxlKCcuL3doeScpLFxuICAgIHBhcnRzOiB0cnVlLFxuICB9LFxuICB7XG4gICAgY2FsbDogJ3dvcmtlci1ydW4gPHBsYW4+IDxpZD4nLFxuICAgIGRlc2NyaXB0aW9uOiAnYnJpbmcgb25lIHBsYW5uZWQgcnVuIG9mIGEgam9iIGFycmF5IHRvIGRvbmUnLFxuICAgIGhpZGRlbjogdHJ1ZSxcbiAgICBsb2FkOiBmaWxlKCcuL3dvcmtlclJ1bicpLFxuICAgIHBhcnRzOiB0cnVlLFxuICB9LFxuICB7XG4gICAgY2FsbDogJ2ZpZ3VyZXMgW2V4cGVyaW1lbnRdJyxcbiAgICBkZXNjcmlwdGlvbjpcbiAgICAgICdkcmF3IHRoZSBmaWd1cmVzIG9mIGFuIGV4cGVyaW1lbnQsIGJ5IGRlZmF1bHQgb2YgYWxsOiBTVkcsIFBERiwgUE5HLCBWZWdhLUxpdGUgc3BlY2lmaWNhdGlvbiBhbmQgZGF0YSBhcyBDU1YnLFxuICAgIGxvYWQ6IGZpbGUoJy4vZmlndXJlcycpLFxuICAgIHBhcnRzOiB0cnVlLFxuICB9LFxuICB7XG4gICAgY2FsbDogJ3RhYmxlcyBbZXhwZXJpbWVudF0nLFxuICAgIGRlc2NyaXB0aW9uOiAnbWFrZSB0aGUgdGFibGVzIG9mIGFuIGV4cGVyaW1lbnQsIGJ5IGRlZmF1bHQgb2YgYWxsOiBDU1YsIE1hcmtkb3duIGFuZCBMYVRlWCcsXG4gICAgbG9hZDogZmlsZSgnLi90YWJsZXMnKSxcbiAgICBwYXJ0czogdHJ1ZSxcbiAgfSxcbiAge1xuICAgIGNhbGw6ICdyZXBvcnQgW2V4cGVyaW1lbnRdJyxcbiAgICBkZXNjcmlwdGlvbjpcbiAgICAgICd3cml0ZSBhbiBleHBlcmltZW50LCBieSBkZWZhdWx0IGVhY2gsIGFzIG9uZSBIVE1MIHBhZ2Ugd2l0aCBmaWd1cmVzLCB0YWJsZXMsIHNldHRpbmdzIGFuZCBwcm92ZW5hbmNlOyBpdCBuZWVkcyBubyBuZXR3b3JrJyxcbiAgICBsb2FkOiBmaWxlKCcuL3JlcG9ydCcpLFxuICAgIHBhcnRzOiB0cnVlLFxuICB9LFxuICB7XG4gICAgY2FsbDogJ2NsYWltcyBbZXhwZXJpbWVudF0nLFxuICAgIGRlc2NyaXB0aW9uOiAnc2F5IHdoaWNoIGNsYWltcyB0aGUgcnVucyBzdXBwb3J0IG9yIGNvbnRyYWRpY3QsIG9mIGFuIGV4cGVyaW1lbnQgb3Igb2YgdGhvc2UgdGhhdCB0aGUgY2xhaW1zIG5hbWUnLFxuICAgIGxvYWQ6IGZpbGUoJy4vY2xhaW1zJyksXG4gICAgcGFydHM6IHRydWUsXG4gIH0sXG4gIHtcbiAgICBjYWxsOiAna2VlcCA8ZXhwZXJpbWVudD4nLFxuICAgIGRlc2NyaXB0aW9uOlxuICAgICAgJ2tlZXAgdGhlIGZpbmlzaGVkIHJ1bnMgb2YgYW4gZXhwZXJpbWVudCBpbiBvbmUgY29tcGFjdCBmaWxlIChQYXJxdWV0KSwgZnJvbSB3aGljaCBmaWd1cmVzIGFuZCB0YWJsZXMgYXJlIG1hZGUgYXMgZnJvbSB0aGUgcnVucycsXG4gICAgbG9hZDogZmlsZSgnLi9rZWVwJyksXG4gICAgcGFydHM6IHRydWUsXG4gIH0sXG4gIHtcbiAgICBjYWxsOiAnc2NvcmUgPGV4cGVyaW1lbnQ+JyxcbiAgICBkZXNjcmlwdGlvbjpcbiAgICAgICdjb21wdXRlIHRoZSBtZXRyaWNzIG9mIGZpbmlzaGVkIHJ1bnMgYWdhaW4gZnJvbSB0aGVpciBzdG9yZWQgcHJlZGljdGlvbnMsIHdpdGhvdXQgZGF0YSBvciBtb2RlbCwgYW5kIGhvbGQgcnVuLmpzb24gdG8gdGhlbScsXG4gICAgbG9hZDogZmlsZSgnLi9zY29yZScpLFxuICAgIHBhcnRzOiB0cnVlLFxuICB9LFxuICB7XG4gICAgY2FsbDogJ2V2YWx1YXRlIDxydW4+JyxcbiAgICBkZXNjcmlwdGlvbjogJ2V2YWx1YXRlIGEgZmluaXNoZWQgcnVuIG9uIGl0cyBvd24gdGFzayBvciwgemVyby1zaG90LCBvbiBhbm90aGVyIG9mIHRoZSBzYW1lIG1vZGFsaXR5JyxcbiAgICBsb2FkOiBmaWxlKCcuL2V2YWx1YXRlJyksXG4gICAgcGFydHM6IHRydWUsXG4gIH0sXG4gIHtcbiAgICBjYWxsOiAnbGFuZHNjYXBlIDxleHBlcmltZW50PiBbcnVucy4uLl0nLFxuICAgIGRlc2NyaXB0aW9uOlxuICAgICAgJ21lYXN1cmUgdGhlIGxvc3MgYXJvdW5kIHRoZSB3YXkgdGhhdCBmaW5pc2hlZCBydW5zIHRvb2sgdGhyb3VnaCB0aGVpciBwYXJhbWV0ZXJzLCBmb3IgdGhlIGZpZ3VyZSBsb3NzLWNvbnRvdXJzJyxcbiAgICBsb2FkOiBmaWxlKCcuL2xhbmRzY2FwZScpLFxuICAgIHBhcnRzOiB0cnVlLFxuICB9LFxuICB7XG4gICAgY2FsbDogJ2V4cG9ydCcsXG4gICAgZGVzY3JpcHRpb246ICdmaW5pc2hlZCBleHBlcmltZW50cywgdHJhaW5lZCBhZGFwdGVycyBhbmQgYmFzZSB3ZWlnaHRzIGZvciBvdGhlcnMnLFxuICAgIGNvbW1hbmRzOiBbXG4gICAgICB7XG4gICAgICAgIGNhbGw6ICdwZWZ0IDxydW4tb3ItZXhwZXJpbWVudD4gPGZvbGRlcj4nLFxuICAgICAgICBkZXNjcmlwdGlvbjogXCJ3cml0ZSBhIHJ1bidzIExvUkEgYWRhcHRlciAob3IgZnVsbHkgdHJhaW5lZCBiYWNrYm9uZSkgYW5kIGNvbm5lY3RvciBmb3IgUEVGVCBhbmQgdHJhbnNmb3JtZXJzXCIsXG4gICAgICAgIGxvYWQ6IGZpbGUoJy4vZXhwb3J0L3BlZnQnKSxcbiAgICAgICAgcGFydHM6IHRydWUsXG4gICAgICB9LFxuICAgICAge1xuICAgICAgICBjYWxsOiAnYmFja2JvbmUgPG5hbWU+IDxmb2xkZXI+JyxcbiAgICAgICAgZGVzY3JpcHRpb246IFwid3JpdGUgYSBwcmV0cmFpbmVkIGJhY2tib25lIGluIHRyYW5zZm9ybWVycycgbGF5b3V0LCBvbnRvIHdoaWNoIGFkYXB0ZXJzIGFyZSBsb2FkZWRcIixcbiAgICAgICAgbG9hZDogZmlsZSgnLi9leHBvcnQvYmFja2JvbmUnKSxcbiAgICAgIH0sXG4gICAgICB7XG4gICAgICAgIGNhbGw6ICdyby1jcmF0ZSA8ZXhwZXJpbWVudD4nLFxuICAgICAgICBkZXNjcmlwdGlvbjpcbiAgICAgICAgICAnd3JpdGUgYW4gUk8tQ3JhdGU6IG1hbmlmZXN0LCBqb3VybmFscywgZmlndXJlcywgZGF0YSBtYW5pZmVzdHMgYW5kIGVudmlyb25tZW50LCBjaGVja2VkIGFuZCBkZXNjcmliZWQnLFxuICAgICAgICBsb2FkOiBmaWxlKCcuL2V4cG9ydC9yb0NyYXRlJyksXG4gICAgICAgIHBhcnRzOiB0cnVlLFxuICAgICAgfSxcbiAgICBdLFxuICB9LFxuICB7XG4gICAgY2FsbDogJ3ZlcmlmeSA8Y3JhdGU+JyxcbiAgICBkZXNjcmlwdGlvbjogJ2NoZWNrIGEgY3JhdGU6IGZpbGVzLCBtYW5pZmVzdCwgaWRlbnRpdGllcywgam91cm5hbHMsIGFuZCBmaWd1cmVzIGRyYXduIGFnYWluJyxcbiAgICBsb2FkOiBmaWxlKCcuL3ZlcmlmeScpLFxuICAgIHBhcnRzOiB0cnVlLFxuICB9LFxuICB7XG4gICAgY2FsbDogJ2RhdGEnLFxuICAgIGRlc2NyaXB0aW9uOiAnZmV0Y2ggYW5kIHZlcmlmeSBkYXRhIHNldHMgYW5kIHByZXRyYWluZWQgd2VpZ2h0cycsXG4gICAgY29tbWFuZHM6IFtcbiAgICAgIHtcbiAgICAgICAgY2FsbDogJ3ByZXZpZXcgPHRhc2s+JyxcbiAgICAgICAgZGVzY3JpcHRpb246XG4gICAgICAgICAgJ21ha2UgYSBnZW5lcmF0ZWQgc2V0IGFuZCBzaG93IGl0cyBjb3VudHM7IHdpdGggLS1vdXQgYWxzbyBwaWN0dXJlcyBvciBzb3VuZHMgdG8gbG9vayBhdCBhbmQgbGlzdGVuIHRvJyxcbiAgICAgICAgbG9hZDogZmlsZSgnLi9kYXRhL3ByZXZpZXcnKSxcbiAgICAgIH0sXG4gICAgICB7XG4gICAgICAgIGNhbGw6ICdwcm9iZSA8dGFzaz4nLFxuICAgICAgICBkZXNjcmlwdGlvbjpcbiAgICAgICAgICAndHJhaW4gbGluZWFyIHByb2JlcyBvbiB0aGUgZnJvemVuIGZlYXR1cmVzIG9mIGEgZ2VuZXJhdGVkIHNldDogYSBjZWlsaW5nIGJlc2lkZSBjaGFuY2UgYW5kIHRoZSBxdWVzdGlvbi1vbmx5IGJhc2VsaW5lJyxcbiAgICAgICAgbG9hZDogZmlsZSgnLi9kYXRhL3Byb2JlJyksXG4gICAgICAgIHBhcnRzOiB0cnVlLFxuICAgICAgfSxcbiAgICAgIHtcbiAgICAgICAgY2FsbDogJ2Jhc2VsaW5lIDx0YXNrPicsXG4gICAgICAgIGRlc2NyaXB0aW9uOiAnc2NvcmUgd2hhdCBpcyBndWVzc2VkIGZyb20gYSBxdWVzdGlvbiBhbG9uZSwgZm9yIHNldHMgd2l0aCBmcmVlIGFuc3dlcnMnLFxuICAgICAgICBsb2FkOiBmaWxlKCcuL2RhdGEvYmFzZWxpbmUnKSxcbiAgICAgIH0sXG4gICAgICB7XG4gICAgICAgIGNhbGw6ICdsaXN0JyxcbiAgICAgICAgZGVzY3JpcHRpb246ICdsaXN0IGV2ZXJ5IGRhdGEgbWFuaWZlc3Qgd2l0aCBpdHMgbGljZW5jZSwgc2l6ZSBhbmQgc3RhdGUgaW4gdGhlIGNhY2hlJyxcbiAgICAgICAgbG9hZDogZmlsZSgnLi9kYXRhL2xpc3QnKSxcbiAgICAgIH0sXG4gICAgICB7XG4gICAgICAgIGNhbGw6ICdmZXRjaCBbbmFtZXMuLi5dJyxcbiAgICAgICAgZGVzY3JpcHRpb246ICdmZXRjaCwgdmVyaWZ5IGFuZCB1bnBhY2sgdGhlIG5hbWVkIHNvdXJjZXMsIGJ5IGRlZmF1bHQgYWxsIGJ1dCB3aG9sZSBwdWJsaXNoZWQgY2hlY2twb2ludHMnLFxuICAgICAgICBsb2FkOiBmaWxlKCcuL2RhdGEvZmV0Y2gnKSxcbiAgICAgIH0sXG4gICAgICB7XG4gICAgICAgIGNhbGw6ICd2ZXJpZnkgW25hbWVzLi4uXScsXG4gICAgICAgIGRlc2NyaXB0aW9uOiAnaGFzaCBldmVyeSBjYWNoZWQgZmlsZSBvZiB0aGUgbmFtZWQgc291cmNlcywgYWxsIGJ5IGRlZmF1bHQsIHdpdGhvdXQgYSBuZXR3b3JrJyxcbiAgICAgICAgbG9hZDogZmlsZSgnLi9kYXRhL3ZlcmlmeScpLFxuICAgICAgfSxcbiAgICAgIHtcbiAgICAgICAgY2FsbDogJ3Rhc2tzJyxcbiAgICAgICAgZGVzY3JpcHRpb246ICdsaXN0IHRoZSBwdWJsaXNoZWQgc2V0cyBhbmQgeW91ciBvd24gdGFza3MsIGFuZCB3aGVyZSB0aGVpciBmaWxlcyBnbycsXG4gICAgICAgIGxvYWQ6IGZpbGUoJy4vZGF0YS90YXNrcycpLFxuICAgICAgfSxcbiAgICAgIHtcbiAgICAgICAgY2FsbDogJ2ltcG9ydCA8dGFzaz4nLFxuICAgICAgICBkZXNjcmlwdGlvbjogJ3JlYWQsIGNoZWNrIGFuZCBrZWVwIGEgcHVibGlzaGVkIHNldCBvciBhIHRhc2sgb2YgeW91ciBvd24gd2hvc2UgZmlsZXMgYXJlIGluIHBsYWNlJyxcbiAgICAgICAgbG9hZDogZmlsZSgnLi9kYXRhL2ltcG9ydCcpLFxuICAgICAgfSxcbiAgICBdLFxuICB9LFxuICB7XG4gICAgY2FsbDogJ2RvY3RvcicsXG4gICAgZGVzY3JpcHRpb246ICdzaG93IHRoZSBiYWNrZW5kcywgdG9vbHMgYW5kIGNhY2hlcyBvZiB0aGlzIG1hY2hpbmUgYW5kIHdoYXQgaXMgbWlzc2luZycsXG4gICAgbG9hZDogZmlsZSgnLi9kb2N0b3InKSxcbiAgfSxcbiAge1xuICAgIGNhbGw6ICdjaGVjay1tb2RlbCA8Zm9sZGVyPicsXG4gICAgZGVzY3JpcHRpb246ICdjb21wYXJlIGEgY2hlY2twb2ludCB3aXRoIHRoZSBudW1iZXJzIG9mIGEgcmVmZXJlbmNlIGltcGxlbWVudGF0aW9uJyxcbiAgICBsb2FkOiBmaWxlKCcuL2NoZWNrTW9kZWwnKSxcbiAgfSxcbiAge1xuICAgIGNhbGw6ICdyZXNvdXJjZXMgPG1vZGVscy4uLj4nLFxuICAgIGRlc2NyaXB0aW9uOiAnd2hhdCBhIHRyYWluaW5nIHN0ZXAgb2YgYSBwdWJsaXNoZWQgbW9kZWwgbmVlZHMgaW4gbWVtb3J5IGFuZCB3b3JrLCBmcm9tIGl0cyBjb25maWd1cmF0aW9uIGFsb25lJyxcbiAgICBsb2FkOiBmaWxlKCcuL3Jlc291cmNlcycpLFxuICB9LFxuXTtcbiJdLCJuYW1lcyI6WyJjb21tYW5kcyIsImxvYWQiLCJjcmVhdGVSZXF1aXJlIiwiX19maWxlbmFtZSIsImZpbGUiLCJwYXRoIiwiZGVmaW5lIiwiY2FsbCIsImRlc2NyaXB0aW9uIiwicGFydHMiLCJoaWRkZW4iXSwibWFwcGluZ3MiOiJBQUFBOzs7Q0FHQzs7OzsrQkFVWUE7OztlQUFBQTs7OzRCQVRpQjtBQUc5QixzSEFBc0gsR0FDdEgsTUFBTUMsT0FBT0MsSUFBQUEseUJBQWEsRUFBQ0M7QUFFM0IsK0VBQStFLEdBQy9FLE1BQU1DLE9BQU8sQ0FBQ0MsT0FBaUIsSUFBYyxBQUFDSixLQUFLSSxNQUE2QkMsTUFBTTtBQUUvRSxNQUFNTixXQUFvQztJQUMvQztRQUNFTyxNQUFNO1FBQ05DLGFBQWE7UUFDYlAsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQWE7UUFDYlAsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQWE7UUFDYlAsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQWE7UUFDYlAsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQWE7UUFDYlAsTUFBTUcsS0FBSztJQUNiO0lBQ0E7UUFDRUcsTUFBTTtRQUNOQyxhQUFhO1FBQ2JQLE1BQU1HLEtBQUs7UUFDWEssT0FBTztJQUNUO0lBQ0E7UUFDRUYsTUFBTTtRQUNOQyxhQUFhO1FBQ2JFLFFBQVE7UUFDUlQsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQ0U7UUFDRlAsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQWE7UUFDYlAsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQ0U7UUFDRlAsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQWE7UUFDYlAsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQ0U7UUFDRlAsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQ0U7UUFDRlAsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQWE7UUFDYlAsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQ0U7UUFDRlAsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQWE7UUFDYlIsVUFBVTtZQUNSO2dCQUNFTyxNQUFNO2dCQUNOQyxhQUFhO2dCQUNiUCxNQUFNRyxLQUFLO2dCQUNYSyxPQUFPO1lBQ1Q7WUFDQTtnQkFDRUYsTUFBTTtnQkFDTkMsYUFBYTtnQkFDYlAsTUFBTUcsS0FBSztZQUNiO1lBQ0E7Z0JBQ0VHLE1BQU07Z0JBQ05DLGFBQ0U7Z0JBQ0ZQLE1BQU1HLEtBQUs7Z0JBQ1hLLE9BQU87WUFDVDtTQUNEO0lBQ0g7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQWE7UUFDYlAsTUFBTUcsS0FBSztRQUNYSyxPQUFPO0lBQ1Q7SUFDQTtRQUNFRixNQUFNO1FBQ05DLGFBQWE7UUFDYlIsVUFBVTtZQUNSO2dCQUNFTyxNQUFNO2dCQUNOQyxhQUNFO2dCQUNGUCxNQUFNRyxLQUFLO1lBQ2I7WUFDQTtnQkFDRUcsTUFBTTtnQkFDTkMsYUFDRTtnQkFDRlAsTUFBTUcsS0FBSztnQkFDWEssT0FBTztZQUNUO1lBQ0E7Z0JBQ0VGLE1BQU07Z0JBQ05DLGFBQWE7Z0JBQ2JQLE1BQU1HLEtBQUs7WUFDYjtZQUNBO2dCQUNFRyxNQUFNO2dCQUNOQyxhQUFhO2dCQUNiUCxNQUFNRyxLQUFLO1lBQ2I7WUFDQTtnQkFDRUcsTUFBTTtnQkFDTkMsYUFBYTtnQkFDYlAsTUFBTUcsS0FBSztZQUNiO1lBQ0E7Z0JBQ0VHLE1BQU07Z0JBQ05DLGFBQWE7Z0JBQ2JQLE1BQU1HLEtBQUs7WUFDYjtZQUNBO2dCQUNFRyxNQUFNO2dCQUNOQyxhQUFhO2dCQUNiUCxNQUFNRyxLQUFLO1lBQ2I7WUFDQTtnQkFDRUcsTUFBTTtnQkFDTkMsYUFBYTtnQkFDYlAsTUFBTUcsS0FBSztZQUNiO1NBQ0Q7SUFDSDtJQUNBO1FBQ0VHLE1BQU07UUFDTkMsYUFBYTtRQUNiUCxNQUFNRyxLQUFLO0lBQ2I7SUFDQTtRQUNFRyxNQUFNO1FBQ05DLGFBQWE7UUFDYlAsTUFBTUcsS0FBSztJQUNiO0lBQ0E7UUFDRUcsTUFBTTtRQUNOQyxhQUFhO1FBQ2JQLE1BQU1HLEtBQUs7SUFDYjtDQUNEIn0=