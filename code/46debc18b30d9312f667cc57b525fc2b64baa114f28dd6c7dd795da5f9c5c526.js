// 60da6f4ceceaba62c00ad6590c24055da68e8a0795615c62d42500c1c7dd3e6e
/** The environment variables that the program reads, and what is wrong with their values: asked before any command. */ "use strict";
Object.defineProperty(exports, "__esModule", {
    value: true
});
function _export(target, all) {
    for(var name in all)Object.defineProperty(target, name, {
        enumerable: true,
        get: Object.getOwnPropertyDescriptor(all, name).get
    });
}
_export(exports, {
    get environmentFaults () {
        return environmentFaults;
    },
    get variables () {
        return variables;
    }
});
const _nodefs = require("node:fs");
const _nodepath = require("node:path");
const _nearest = require("../nearest");
const variables = {
    EQUIPOISE_RESULTS: {
        kind: 'folder',
        about: 'results folder instead of results/'
    },
    EQUIPOISE_FIGURES: {
        kind: 'folder',
        about: 'folder of figures, tables and pages instead of figures/'
    },
    EQUIPOISE_CACHE: {
        kind: 'folder',
        about: 'cache instead of ~/.cache/equipoise'
    },
    EQUIPOISE_TASKS: {
        kind: 'input',
        about: 'folder of tasks of your own instead of tasks/'
    },
    EQUIPOISE_CHECKPOINTS: {
        kind: 'input',
        about: 'folder of published checkpoints instead of checkpoints/'
    },
    EQUIPOISE_DATA: {
        kind: 'input',
        about: 'folder of published sets instead of published/ in the cache'
    },
    EQUIPOISE_LOCKS: {
        kind: 'folder',
        about: 'folder of the locks of published sets'
    },
    EQUIPOISE_DEB_MIRROR: {
        kind: 'text',
        about: 'a Debian mirror, or a folder of .deb files'
    },
    EQUIPOISE_PYTHON: {
        kind: 'text',
        about: 'the Python that npm run bench measures PyTorch with'
    },
    EQUIPOISE_TENSORFLOW: {
        kind: 'text',
        about: 'a wheel, or the folder of an unpacked one, to link'
    },
    EQUIPOISE_LINK: {
        kind: 'text',
        about: 'off: set-up links no TensorFlow'
    },
    EQUIPOISE_DEBUG: {
        kind: 'flag',
        about: 'stack traces with errors'
    },
    EQUIPOISE_FUZZ: {
        kind: 'text',
        about: 'changed inputs a reader in the tests'
    },
    EQUIPOISE_FUZZ_SEED: {
        kind: 'text',
        about: 'seed of the changed inputs in the tests'
    }
};
function environmentFaults(environment) {
    return Object.entries(environment).flatMap(([name, value])=>{
        if (!name.startsWith('EQUIPOISE_') || value === undefined) return [];
        const known = variables[name];
        if (known === undefined) return [
            unknownVariable(name)
        ];
        const fault = valueFault(known.kind, value);
        return fault === null ? [] : [
            {
                where: `environment variable ${name}`,
                ...fault
            }
        ];
    });
}
function unknownVariable(name) {
    const near = (0, _nearest.nearestName)(name, Object.keys(variables));
    return {
        where: `environment variable ${name}`,
        what: 'is none of this program',
        hint: near === undefined ? 'remove it; docs/commands.md lists all' : `did you mean ${near}?`
    };
}
function valueFault(kind, value) {
    if (value.trim() === '') return {
        what: 'is empty',
        expected: 'a value',
        hint: 'unset it for the default'
    };
    switch(kind){
        case 'text':
            return null;
        case 'flag':
            return value === '1' ? null : {
                what: `is "${value}"`,
                expected: '1',
                hint: 'unset it to switch it off'
            };
        case 'input':
        case 'folder':
            return folderFault(kind, (0, _nodepath.resolve)(value));
    }
}
function folderFault(kind, path) {
    const found = nearestThere(path);
    if (!found.folder) return {
        what: `${found.path} is a file`,
        expected: 'a folder'
    };
    if (kind === 'input' && found.path !== path) return {
        what: `there is no folder ${path}`,
        expected: 'a folder'
    };
    return null;
}
/** The path, or the nearest above it that exists, and whether it is a folder. */ function nearestThere(path) {
    try {
        return {
            path,
            folder: (0, _nodefs.statSync)(path).isDirectory()
        };
    } catch (error) {
        // A file above gives ENOTDIR; what may not be looked at is told where it is used.
        if (error.code === 'EACCES' || (0, _nodepath.dirname)(path) === path) return {
            path,
            folder: true
        };
        return nearestThere((0, _nodepath.dirname)(path));
    }
}

//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbIi93b3JrL3d0L2xlYWQvc3JjL2NsaS9lbnZpcm9ubWVudC50cyJdLCJzb3VyY2VzQ29udGVudCI6WyIvKiogVGhlIGVudmlyb25tZW50IHZhcmlhYmxlcyB0aGF0IHRoZSBwcm9ncmFtIHJlYWRzLCBhbmQgd2hhdCBpcyB3cm9uZyB3aXRoIHRoZWlyIHZhbHVlczogYXNrZWQgYmVmb3JlIGFueSBjb21tYW5kLiAqL1xuaW1wb3J0IHsgc3RhdFN5bmMgfSBmcm9tICdub2RlOmZzJztcbmltcG9ydCB7IGRpcm5hbWUsIHJlc29sdmUgfSBmcm9tICdub2RlOnBhdGgnO1xuaW1wb3J0IHsgbmVhcmVzdE5hbWUgfSBmcm9tICcuLi9uZWFyZXN0JztcbmltcG9ydCB0eXBlIHsgUHJvYmxlbSB9IGZyb20gJy4uL3Byb2JsZW1zJztcblxuLyoqXG4gKiBXaGF0IGEgdmFyaWFibGUgaG9sZHM6IGBmb2xkZXJgLCBtYWRlIHdoZW4gaXQgaXMgd3JpdHRlbiB0bzsgYGlucHV0YCwgYSBmb2xkZXIgdGhhdCBtdXN0IGJlIHRoZXJlOyBgdGV4dGAsIHdoaWNoIHRoZVxuICogcGxhY2UgdGhhdCBuZWVkcyBpdCBjaGVja3M7IGBmbGFnYCwgYDFgIG9yIG5vdGhpbmcuXG4gKi9cbnR5cGUgS2luZCA9ICdmb2xkZXInIHwgJ2lucHV0JyB8ICd0ZXh0JyB8ICdmbGFnJztcblxuLyoqIEV2ZXJ5IHZhcmlhYmxlIGJ5IGl0cyBuYW1lLCB3aXRoIHdoYXQgaXQgbWVhbnMuICovXG5leHBvcnQgY29uc3QgdmFyaWFibGVzOiBSZWFkb25seTxSZWNvcmQ8c3RyaW5nLCB7IGtpbmQ6IEtpbmQ7IGFib3V0OiBzdHJpbmcgfT4+ID0ge1xuICBFUVVJUE9JU0VfUkVTVUxUUzogeyBraW5kOiAnZm9sZGVyJywgYWJvdXQ6ICdyZXN1bHRzIGZvbGRlciBpbnN0ZWFkIG9mIHJlc3VsdHMvJyB9LFxuICBFUVVJUE9JU0VfRklHVVJFUzogeyBraW5kOiAnZm9sZGVyJywgYWJvdXQ6ICdmb2xkZXIgb2YgZmlndXJlcywgdGFibGVzIGFuZCBwYWdlcyBpbnN0ZWFkIG9mIGZpZ3VyZXMvJyB9LFxuICBFUVVJUE9JU0VfQ0FDSEU6IHsga2luZDogJ2ZvbGRlcicsIGFib3V0OiAnY2FjaGUgaW5zdGVhZCBvZiB+Ly5jYWNoZS9lcXVpcG9pc2UnIH0sXG4gIEVRVUlQT0lTRV9UQVNLUzogeyBraW5kOiAnaW5wdXQnLCBhYm91dDogJ2ZvbGRlciBvZiB0YXNrcyBvZiB5b3VyIG93biBpbnN0ZWFkIG9mIHRhc2tzLycgfSxcbiAgRVFVSVBPSVNFX0NIRUNLUE9JTlRTOiB7IGtpbmQ6ICdpbnB1dCcsIGFib3V0OiAnZm9sZGVyIG9mIHB1Ymxpc2hlZCBjaGVja3BvaW50cyBpbnN0ZWFkIG9mIGNoZWNrcG9pbnRzLycgfSxcbiAgRVFVSVBPSVNFX0RBVEE6IHsga2luZDogJ2lucHV0JywgYWJvdXQ6ICdmb2xkZXIgb2YgcHVibGlzaGVkIHNldHMgaW5zdGVhZCBvZiBwdWJsaXNoZWQvIGluIHRoZSBjYWNoZScgfSxcbiAgRVFVSVBPSVNFX0xPQ0tTOiB7IGtpbmQ6ICdmb2xkZXInLCBhYm91dDogJ2ZvbGRlciBvZiB0aGUgbG9ja3Mgb2YgcHVibGlzaGVkIHNldHMnIH0sXG4gIEVRVUlQT0lTRV9ERUJfTUlSUk9SOiB7IGtpbmQ6ICd0ZXh0JywgYWJvdXQ6ICdhIERlYmlhbiBtaXJyb3IsIG9yIGEgZm9sZGVyIG9mIC5kZWIgZmlsZXMnIH0sXG4gIEVRVUlQT0lTRV9QWVRIT046IHsga2luZDogJ3RleHQnLCBhYm91dDogJ3RoZSBQeXRob24gdGhhdCBucG0gcnVuIGJlbmNoIG1lYXN1cmVzIFB5VG9yY2ggd2l0aCcgfSxcbiAgRVFVSVBPSVNFX1RFTlNPUkZMT1c6IHsga2luZDogJ3RleHQnLCBhYm91dDogJ2Egd2hlZWwsIG9yIHRoZSBmb2xkZXIgb2YgYW4gdW5wYWNrZWQgb25lLCB0byBsaW5rJyB9LFxuICBFUVVJUE9JU0VfTElOSzogeyBraW5kOiAndGV4dCcsIGFib3V0OiAnb2ZmOiBzZXQtdXAgbGlua3Mgbm8gVGVuc29yRmxvdycgfSxcbiAgRVFVSVBPSVNFX0RFQlVHOiB7IGtpbmQ6ICdmbGFnJywgYWJvdXQ6ICdzdGFjayB0cmFjZXMgd2l0aCBlcnJvcnMnIH0sXG4gIEVRVUlQT0lTRV9GVVpaOiB7IGtpbmQ6ICd0ZXh0JywgYWJvdXQ6ICdjaGFuZ2VkIGlucHV0cyBhIHJlYWRlciBpbiB0aGUgdGVzdHMnIH0sXG4gIEVRVUlQT0lTRV9GVVpaX1NFRUQ6IHsga2luZDogJ3RleHQnLCBhYm91dDogJ3NlZWQgb2YgdGhlIGNoYW5nZWQgaW5wdXRzIGluIHRoZSB0ZXN0cycgfSxcbn07XG5cbi8qKiBXaGF0IGlzIHdyb25nIHdpdGggdGhlIHZhcmlhYmxlcyBvZiBgZW52aXJvbm1lbnRgIHRoYXQgYXJlIG91cnMsIGVhY2ggYnkgaXRzIG5hbWU7IG90aGVyIHByb2dyYW1zJyBhcmUgbm90IHJlYWQuICovXG5leHBvcnQgZnVuY3Rpb24gZW52aXJvbm1lbnRGYXVsdHMoZW52aXJvbm1lbnQ6IE5vZGVKUy5Qcm9jZXNzRW52KTogUHJvYmxlbVtdIHtcbiAgcmV0dXJuIE9iamVjdC5lbnRyaWVzKGVudmlyb25tZW50KS5mbGF0TWFwKChbbmFtZSwgdmFsdWVdKTogUHJvYmxlbVtdID0+IHtcbiAgICBpZiAoIW5hbWUuc3RhcnRzV2l0aCgnRVFVSVBPSVNFXycpIHx8IHZhbHVlID09PSB1bmRlZmluZWQpIHJldHVybiBbXTtcbiAgICBjb25zdCBrbm93biA9IHZhcmlhYmxlc1tuYW1lXTtcbiAgICBpZiAoa25vd24gPT09IHVuZGVmaW5lZCkgcmV0dXJuIFt1bmtub3duVmFyaWFibGUobmFtZSldO1xuICAgIGNvbnN0IGZhdWx0ID0gdmFsdWVGYXVsdChrbm93bi5raW5kLCB2YWx1ZSk7XG4gICAgcmV0dXJuIGZhdWx0ID09PSBudWxsID8gW10gOiBbeyB3aGVyZTogYGVudmlyb25tZW50IHZhcmlhYmxlICR7bmFtZX1gLCAuLi5mYXVsdCB9XTtcbiAgfSk7XG59XG5cbmZ1bmN0aW9uIHVua25vd25WYXJpYWJsZShuYW1lOiBzdHJpbmcpOiBQcm9ibGVtIHtcbiAgY29uc3QgbmVhciA9IG5lYXJlc3ROYW1lKG5hbWUsIE9iamVjdC5rZXlzKHZhcmlhYmxlcykpO1xuICByZXR1cm4ge1xuICAgIHdoZXJlOiBgZW52aXJvbm1lbnQgdmFyaWFibGUgJHtuYW1lfWAsXG4gICAgd2hhdDogJ2lzIG5vbmUgb2YgdGhpcyBwcm9ncmFtJyxcbiAgICBoaW50OiBuZWFyID09PSB1bmRlZmluZWQgPyAncmVtb3ZlIGl0OyBkb2NzL2NvbW1hbmRzLm1kIGxpc3RzIGFsbCcgOiBgZGlkIHlvdSBtZWFuICR7bmVhcn0/YCxcbiAgfTtcbn1cblxuZnVuY3Rpb24gdmFsdWVGYXVsdChraW5kOiBLaW5kLCB2YWx1ZTogc3RyaW5nKTogT21pdDxQcm9ibGVtLCAnd2hlcmUnPiB8IG51bGwge1xuICBpZiAodmFsdWUudHJpbSgpID09PSAnJykgcmV0dXJuIHsgd2hhdDogJ2lzIGVtcHR5JywgZXhwZWN0ZWQ6ICdhIHZhbHVlJywgaGludDogJ3Vuc2V0IGl0IGZvciB0aGUgZGVmYXVsdCcgfTtcbiAgc3dpdGNoIChraW5kKSB7XG4gICAgY2FzZSAndGV4dCc6XG4gICAgICByZXR1cm4gbnVsbDtcbiAgICBjYXNlICdmbGFnJzpcbiAgICAgIHJldHVybiB2YWx1ZSA9PT0gJzEnID8gbnVsbCA6IHsgd2hhdDogYGlzIFwiJHt2YWx1ZX1cImAsIGV4cGVjdGVkOiAnMScsIGhpbnQ6ICd1bnNldCBpdCB0byBzd2l0Y2ggaXQgb2ZmJyB9O1xuICAgIGNhc2UgJ2lucHV0JzpcbiAgICBjYXNlICdmb2xkZXInOlxuICAgICAgcmV0dXJuIGZvbGRlckZhdWx0KGtpbmQsIHJlc29sdmUodmFsdWUpKTtcbiAgfVxufVxuXG5mdW5jdGlvbiBmb2xkZXJGYXVsdChraW5kOiAnaW5wdXQnIHwgJ2ZvbGRlcicsIHBhdGg6IHN0cmluZyk6IE9taXQ8UHJvYmxlbSwgJ3doZXJlJz4gfCBudWxsIHtcbiAgY29uc3QgZm91bmQgPSBuZWFyZXN0VGhlcmUocGF0aCk7XG4gIGlmICghZm91bmQuZm9sZGVyKSByZXR1cm4geyB3aGF0OiBgJHtmb3VuZC5wYXRofSBpcyBhIGZpbGVgLCBleHBlY3RlZDogJ2EgZm9sZGVyJyB9O1xuICBpZiAoa2luZCA9PT0gJ2lucHV0JyAmJiBmb3VuZC5wYXRoICE9PSBwYXRoKSByZXR1cm4geyB3aGF0OiBgdGhlcmUgaXMgbm8gZm9sZGVyICR7cGF0aH1gLCBleHBlY3RlZDogJ2EgZm9sZGVyJyB9O1xuICByZXR1cm4gbnVsbDtcbn1cblxuLyoqIFRoZSBwYXRoLCBvciB0aGUgbmVhcmVzdCBhYm92ZSBpdCB0aGF0IGV4aXN0cywgYW5kIHdoZXRoZXIgaXQgaXMgYSBmb2xkZXIuICovXG5mdW5jdGlvbiBuZWFyZXN0VGhlcmUocGF0aDogc3RyaW5nKTogeyBwYXRoOiBzdHJpbmc7IGZvbGRlcjogYm9vbGVhbiB9IHtcbiAgdHJ5IHtcbiAgICByZXR1cm4geyBwYXRoLCBmb2xkZXI6IHN0YXRTeW5jKHBhdGgpLmlzRGlyZWN0b3J5KCkgfTtcbiAgfSBjYXRjaCAoZXJyb3IpIHtcbiAgICAvLyBBIGZpbGUgYWJvdmUgZ2l2ZXMgRU5PVERJUjsgd2hhdCBtYXkgbm90IGJlIGxvb2tlZCBhdCBpcyB0b2xkIHdoZXJlIGl0IGlzIHVzZWQuXG4gICAgaWYgKChlcnJvciBhcyBOb2RlSlMuRXJybm9FeGNlcHRpb24pLmNvZGUgPT09ICdFQUNDRVMnIHx8IGRpcm5hbWUocGF0aCkgPT09IHBhdGgpIHJldHVybiB7IHBhdGgsIGZvbGRlcjogdHJ1ZSB9O1xuICAgIHJldHVybiBuZWFyZXN0VGhlcmUoZGlybmFtZShwYXRoKSk7XG4gIH1cbn1cbiJdLCJuYW1lcyI6WyJlbnZpcm9ubWVudEZhdWx0cyIsInZhcmlhYmxlcyIsIkVRVUlQT0lTRV9SRVNVTFRTIiwia2luZCIsImFib3V0IiwiRVFVSVBPSVNFX0ZJR1VSRVMiLCJFUVVJUE9JU0VfQ0FDSEUiLCJFUVVJUE9JU0VfVEFTS1MiLCJFUVVJUE9JU0VfQ0hFQ0tQT0lOVFMiLCJFUVVJUE9JU0VfREFUQSIsIkVRVUlQT0lTRV9MT0NLUyIsIkVRVUlQT0lTRV9ERUJfTUlSUk9SIiwiRVFVSVBPSVNFX1BZVEhPTiIsIkVRVUlQT0lTRV9URU5TT1JGTE9XIiwiRVFVSVBPSVNFX0xJTksiLCJFUVVJUE9JU0VfREVCVUciLCJFUVVJUE9JU0VfRlVaWiIsIkVRVUlQT0lTRV9GVVpaX1NFRUQiLCJlbnZpcm9ubWVudCIsIk9iamVjdCIsImVudHJpZXMiLCJmbGF0TWFwIiwibmFtZSIsInZhbHVlIiwic3RhcnRzV2l0aCIsInVuZGVmaW5lZCIsImtub3duIiwidW5rbm93blZhcmlhYmxlIiwiZmF1bHQiLCJ2YWx1ZUZhdWx0Iiwid2hlcmUiLCJuZWFyIiwibmVhcmVzdE5hbWUiLCJrZXlzIiwid2hhdCIsImhpbnQiLCJ0cmltIiwiZXhwZWN0ZWQiLCJmb2xkZXJGYXVsdCIsInJlc29sdmUiLCJwYXRoIiwiZm91bmQiLCJuZWFyZXN0VGhlcmUiLCJmb2xkZXIiLCJzdGF0U3luYyIsImlzRGlyZWN0b3J5IiwiZXJyb3IiLCJjb2RlIiwiZGlybmFtZSJdLCJtYXBwaW5ncyI6IkFBQUEscUhBQXFIOzs7Ozs7Ozs7OztRQStCckdBO2VBQUFBOztRQWxCSEM7ZUFBQUE7Ozt3QkFaWTswQkFDUTt5QkFDTDtBQVVyQixNQUFNQSxZQUFxRTtJQUNoRkMsbUJBQW1CO1FBQUVDLE1BQU07UUFBVUMsT0FBTztJQUFxQztJQUNqRkMsbUJBQW1CO1FBQUVGLE1BQU07UUFBVUMsT0FBTztJQUEwRDtJQUN0R0UsaUJBQWlCO1FBQUVILE1BQU07UUFBVUMsT0FBTztJQUFzQztJQUNoRkcsaUJBQWlCO1FBQUVKLE1BQU07UUFBU0MsT0FBTztJQUFnRDtJQUN6RkksdUJBQXVCO1FBQUVMLE1BQU07UUFBU0MsT0FBTztJQUEwRDtJQUN6R0ssZ0JBQWdCO1FBQUVOLE1BQU07UUFBU0MsT0FBTztJQUE4RDtJQUN0R00saUJBQWlCO1FBQUVQLE1BQU07UUFBVUMsT0FBTztJQUF3QztJQUNsRk8sc0JBQXNCO1FBQUVSLE1BQU07UUFBUUMsT0FBTztJQUE2QztJQUMxRlEsa0JBQWtCO1FBQUVULE1BQU07UUFBUUMsT0FBTztJQUFzRDtJQUMvRlMsc0JBQXNCO1FBQUVWLE1BQU07UUFBUUMsT0FBTztJQUFxRDtJQUNsR1UsZ0JBQWdCO1FBQUVYLE1BQU07UUFBUUMsT0FBTztJQUFrQztJQUN6RVcsaUJBQWlCO1FBQUVaLE1BQU07UUFBUUMsT0FBTztJQUEyQjtJQUNuRVksZ0JBQWdCO1FBQUViLE1BQU07UUFBUUMsT0FBTztJQUF1QztJQUM5RWEscUJBQXFCO1FBQUVkLE1BQU07UUFBUUMsT0FBTztJQUEwQztBQUN4RjtBQUdPLFNBQVNKLGtCQUFrQmtCLFdBQThCO0lBQzlELE9BQU9DLE9BQU9DLE9BQU8sQ0FBQ0YsYUFBYUcsT0FBTyxDQUFDLENBQUMsQ0FBQ0MsTUFBTUMsTUFBTTtRQUN2RCxJQUFJLENBQUNELEtBQUtFLFVBQVUsQ0FBQyxpQkFBaUJELFVBQVVFLFdBQVcsT0FBTyxFQUFFO1FBQ3BFLE1BQU1DLFFBQVF6QixTQUFTLENBQUNxQixLQUFLO1FBQzdCLElBQUlJLFVBQVVELFdBQVcsT0FBTztZQUFDRSxnQkFBZ0JMO1NBQU07UUFDdkQsTUFBTU0sUUFBUUMsV0FBV0gsTUFBTXZCLElBQUksRUFBRW9CO1FBQ3JDLE9BQU9LLFVBQVUsT0FBTyxFQUFFLEdBQUc7WUFBQztnQkFBRUUsT0FBTyxDQUFDLHFCQUFxQixFQUFFUixNQUFNO2dCQUFFLEdBQUdNLEtBQUs7WUFBQztTQUFFO0lBQ3BGO0FBQ0Y7QUFFQSxTQUFTRCxnQkFBZ0JMLElBQVk7SUFDbkMsTUFBTVMsT0FBT0MsSUFBQUEsb0JBQVcsRUFBQ1YsTUFBTUgsT0FBT2MsSUFBSSxDQUFDaEM7SUFDM0MsT0FBTztRQUNMNkIsT0FBTyxDQUFDLHFCQUFxQixFQUFFUixNQUFNO1FBQ3JDWSxNQUFNO1FBQ05DLE1BQU1KLFNBQVNOLFlBQVksMENBQTBDLENBQUMsYUFBYSxFQUFFTSxLQUFLLENBQUMsQ0FBQztJQUM5RjtBQUNGO0FBRUEsU0FBU0YsV0FBVzFCLElBQVUsRUFBRW9CLEtBQWE7SUFDM0MsSUFBSUEsTUFBTWEsSUFBSSxPQUFPLElBQUksT0FBTztRQUFFRixNQUFNO1FBQVlHLFVBQVU7UUFBV0YsTUFBTTtJQUEyQjtJQUMxRyxPQUFRaEM7UUFDTixLQUFLO1lBQ0gsT0FBTztRQUNULEtBQUs7WUFDSCxPQUFPb0IsVUFBVSxNQUFNLE9BQU87Z0JBQUVXLE1BQU0sQ0FBQyxJQUFJLEVBQUVYLE1BQU0sQ0FBQyxDQUFDO2dCQUFFYyxVQUFVO2dCQUFLRixNQUFNO1lBQTRCO1FBQzFHLEtBQUs7UUFDTCxLQUFLO1lBQ0gsT0FBT0csWUFBWW5DLE1BQU1vQyxJQUFBQSxpQkFBTyxFQUFDaEI7SUFDckM7QUFDRjtBQUVBLFNBQVNlLFlBQVluQyxJQUF3QixFQUFFcUMsSUFBWTtJQUN6RCxNQUFNQyxRQUFRQyxhQUFhRjtJQUMzQixJQUFJLENBQUNDLE1BQU1FLE1BQU0sRUFBRSxPQUFPO1FBQUVULE1BQU0sR0FBR08sTUFBTUQsSUFBSSxDQUFDLFVBQVUsQ0FBQztRQUFFSCxVQUFVO0lBQVc7SUFDbEYsSUFBSWxDLFNBQVMsV0FBV3NDLE1BQU1ELElBQUksS0FBS0EsTUFBTSxPQUFPO1FBQUVOLE1BQU0sQ0FBQyxtQkFBbUIsRUFBRU0sTUFBTTtRQUFFSCxVQUFVO0lBQVc7SUFDL0csT0FBTztBQUNUO0FBRUEsK0VBQStFLEdBQy9FLFNBQVNLLGFBQWFGLElBQVk7SUFDaEMsSUFBSTtRQUNGLE9BQU87WUFBRUE7WUFBTUcsUUFBUUMsSUFBQUEsZ0JBQVEsRUFBQ0osTUFBTUssV0FBVztRQUFHO0lBQ3RELEVBQUUsT0FBT0MsT0FBTztRQUNkLGtGQUFrRjtRQUNsRixJQUFJLEFBQUNBLE1BQWdDQyxJQUFJLEtBQUssWUFBWUMsSUFBQUEsaUJBQU8sRUFBQ1IsVUFBVUEsTUFBTSxPQUFPO1lBQUVBO1lBQU1HLFFBQVE7UUFBSztRQUM5RyxPQUFPRCxhQUFhTSxJQUFBQSxpQkFBTyxFQUFDUjtJQUM5QjtBQUNGIn0=