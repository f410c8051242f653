// cc41d0e5599e01e0935dd3b5ffb12fb312c7740ded820dc244377cdbf3bd5cb6
/** Files that are whole or absent, the cache folder, and hashes of content. Every room may use these. */ "use strict";
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
    get cachePath () {
        return cachePath;
    },
    get canonicalJson () {
        return canonicalJson;
    },
    get packageFolder () {
        return packageFolder;
    },
    get projectRoot () {
        return projectRoot;
    },
    get sha256 () {
        return sha256;
    },
    get sha256OfFile () {
        return sha256OfFile;
    },
    get storageFault () {
        return storageFault;
    },
    get workFolder () {
        return workFolder;
    },
    get writeWhole () {
        return writeWhole;
    }
});
const _nodecrypto = require("node:crypto");
const _nodefs = require("node:fs");
const _nodemodule = require("node:module");
const _nodeos = require("node:os");
const _nodepath = require("node:path");
/**
 * Whether this is a checkout, in which the project's own folders are worked in, or what a package was built from it
 * (dist/src).
 */ const isCheckout = (0, _nodefs.existsSync)((0, _nodepath.join)(__dirname, '..', 'package.json'));
const projectRoot = (0, _nodepath.resolve)(__dirname, isCheckout ? '..' : '../..');
const workFolder = isCheckout ? projectRoot : process.cwd();
function packageFolder(name) {
    const folders = (0, _nodemodule.createRequire)(__filename).resolve.paths(name) ?? [];
    return folders.map((folder)=>(0, _nodepath.join)(folder, name)).find((folder)=>(0, _nodefs.existsSync)((0, _nodepath.join)(folder, 'package.json')));
}
function cachePath(...parts) {
    const base = process.env['EQUIPOISE_CACHE'] ?? (0, _nodepath.join)(process.env['XDG_CACHE_HOME'] ?? (0, _nodepath.join)((0, _nodeos.homedir)(), '.cache'), 'equipoise');
    return (0, _nodepath.join)((0, _nodepath.resolve)(base), ...parts);
}
function sha256(content) {
    return (0, _nodecrypto.createHash)('sha256').update(content).digest('hex');
}
function sha256OfFile(path) {
    const hash = (0, _nodecrypto.createHash)('sha256');
    const file = (0, _nodefs.openSync)(path, 'r');
    const buffer = Buffer.alloc(2 ** 20);
    let bytes = 0;
    try {
        for(let got = (0, _nodefs.readSync)(file, buffer); got > 0; got = (0, _nodefs.readSync)(file, buffer)){
            hash.update(buffer.subarray(0, got));
            bytes += got;
        }
    } finally{
        (0, _nodefs.closeSync)(file);
    }
    return {
        bytes,
        sha256: hash.digest('hex')
    };
}
function canonicalJson(value) {
    return JSON.stringify(sorted(value));
}
/** The value with its keys in order. Not a replacer of JSON.stringify, which is several times as slow. */ function sorted(value) {
    if (value === null || typeof value !== 'object') return value;
    const { toJSON } = value;
    if (typeof toJSON === 'function') return sorted(toJSON.call(value));
    if (Array.isArray(value)) return value.map(sorted);
    const result = {};
    for (const key of Object.keys(value).sort()){
        const inner = sorted(value[key]);
        if (key === '__proto__') Object.defineProperty(result, key, {
            value: inner,
            enumerable: true
        });
        else result[key] = inner;
    }
    return result;
}
function writeWhole(path, content) {
    (0, _nodefs.mkdirSync)((0, _nodepath.dirname)(path), {
        recursive: true
    });
    const temporary = `${path}.${(0, _nodecrypto.randomUUID)()}.tmp`; // not the process id: two machines may share the folder
    const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
    const file = (0, _nodefs.openSync)(temporary, 'w');
    try {
        for(let at = 0; at < bytes.length;)at += (0, _nodefs.writeSync)(file, bytes, at);
        (0, _nodefs.fsyncSync)(file);
    } catch (error) {
        (0, _nodefs.rmSync)(temporary, {
            force: true
        });
        throw error;
    } finally{
        (0, _nodefs.closeSync)(file);
    }
    (0, _nodefs.renameSync)(temporary, path);
}
const storageFaults = {
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
    EFBIG: 'the file would be larger than the system allows',
    EROFS: 'the file system is read-only',
    EACCES: 'writing is not permitted',
    EPERM: 'writing is not permitted',
    EIO: 'the disk reports an input/output error',
    ESTALE: 'the shared file system has lost the folder'
};
const storageCalls = new Set([
    'write',
    'open',
    'fsync',
    'ftruncate',
    'mkdir',
    'mkdtemp',
    'rename',
    'link',
    'unlink',
    'rmdir',
    'rm',
    'copyfile',
    'utime',
    'close',
    'read',
    'stat',
    'fstat',
    'scandir'
]);
function storageFault(error) {
    const { code, path, syscall } = error ?? {};
    if (code === undefined || syscall === undefined || !storageCalls.has(syscall)) return null;
    // Node says ENOENT when it cannot make the folders of a path, whatever the reason.
    const words = code === 'ENOENT' && syscall === 'mkdir' ? 'the folder cannot be made, as on a read-only file system' : storageFaults[code];
    return words === undefined ? null : `${words} (${code}${path === undefined ? '' : `, ${path}`})`;
}

//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbIi93b3JrL3d0L2xlYWQvc3JjL2ZpbGVzLnRzIl0sInNvdXJjZXNDb250ZW50IjpbIi8qKiBGaWxlcyB0aGF0IGFyZSB3aG9sZSBvciBhYnNlbnQsIHRoZSBjYWNoZSBmb2xkZXIsIGFuZCBoYXNoZXMgb2YgY29udGVudC4gRXZlcnkgcm9vbSBtYXkgdXNlIHRoZXNlLiAqL1xuaW1wb3J0IHsgY3JlYXRlSGFzaCwgcmFuZG9tVVVJRCB9IGZyb20gJ25vZGU6Y3J5cHRvJztcbmltcG9ydCB7XG4gIGNsb3NlU3luYyxcbiAgZXhpc3RzU3luYyxcbiAgZnN5bmNTeW5jLFxuICBta2RpclN5bmMsXG4gIG9wZW5TeW5jLFxuICByZWFkU3luYyxcbiAgcmVuYW1lU3luYyxcbiAgcm1TeW5jLFxuICB3cml0ZVN5bmMsXG59IGZyb20gJ25vZGU6ZnMnO1xuaW1wb3J0IHsgY3JlYXRlUmVxdWlyZSB9IGZyb20gJ25vZGU6bW9kdWxlJztcbmltcG9ydCB7IGhvbWVkaXIgfSBmcm9tICdub2RlOm9zJztcbmltcG9ydCB7IGRpcm5hbWUsIGpvaW4sIHJlc29sdmUgfSBmcm9tICdub2RlOnBhdGgnO1xuXG4vKipcbiAqIFdoZXRoZXIgdGhpcyBpcyBhIGNoZWNrb3V0LCBpbiB3aGljaCB0aGUgcHJvamVjdCdzIG93biBmb2xkZXJzIGFyZSB3b3JrZWQgaW4sIG9yIHdoYXQgYSBwYWNrYWdlIHdhcyBidWlsdCBmcm9tIGl0XG4gKiAoZGlzdC9zcmMpLlxuICovXG5jb25zdCBpc0NoZWNrb3V0ID0gZXhpc3RzU3luYyhqb2luKF9fZGlybmFtZSwgJy4uJywgJ3BhY2thZ2UuanNvbicpKTtcblxuLyoqIFRoZSBwcm9qZWN0J3Mgcm9vdCBmb2xkZXIsIG9yIHRoYXQgb2YgdGhlIGluc3RhbGxlZCBwYWNrYWdlOiB3aGVyZSBtYW5pZmVzdHMsIGRhdGEgbWFuaWZlc3RzIGFuZCBjb21tYW5kcyBsaWUuICovXG5leHBvcnQgY29uc3QgcHJvamVjdFJvb3QgPSByZXNvbHZlKF9fZGlybmFtZSwgaXNDaGVja291dCA/ICcuLicgOiAnLi4vLi4nKTtcblxuLyoqXG4gKiBXaGVyZSBhIHVzZXIncyBvd24gdGhpbmdzIGxpZSAocmVzdWx0cywgZmlndXJlcywgdGFza3MsIGNoZWNrcG9pbnRzKTogdGhlIGNoZWNrb3V0OyB0aGUgd29ya2luZyBmb2xkZXIgb2Ygd2hvIGhhc1xuICogaW5zdGFsbGVkIHRoZSBwYWNrYWdlLlxuICovXG5leHBvcnQgY29uc3Qgd29ya0ZvbGRlciA9IGlzQ2hlY2tvdXQgPyBwcm9qZWN0Um9vdCA6IHByb2Nlc3MuY3dkKCk7XG5cbi8qKiBGb2xkZXIgb2YgYW4gaW5zdGFsbGVkIHBhY2thZ2UsIGZvdW5kIGFzIGByZXF1aXJlYCBmaW5kcyBpdDsgdW5kZWZpbmVkIHdoZW4gaXQgaXMgbm90IGluc3RhbGxlZC4gKi9cbmV4cG9ydCBmdW5jdGlvbiBwYWNrYWdlRm9sZGVyKG5hbWU6IHN0cmluZyk6IHN0cmluZyB8IHVuZGVmaW5lZCB7XG4gIGNvbnN0IGZvbGRlcnMgPSBjcmVhdGVSZXF1aXJlKF9fZmlsZW5hbWUpLnJlc29sdmUucGF0aHMobmFtZSkgPz8gW107XG4gIHJldHVybiBmb2xkZXJzLm1hcCgoZm9sZGVyKSA9PiBqb2luKGZvbGRlciwgbmFtZSkpLmZpbmQoKGZvbGRlcikgPT4gZXhpc3RzU3luYyhqb2luKGZvbGRlciwgJ3BhY2thZ2UuanNvbicpKSk7XG59XG5cbi8qKlxuICogQSBwYXRoIGluIHRoZSBjYWNoZTogRVFVSVBPSVNFX0NBQ0hFLCBlbHNlIH4vLmNhY2hlL2VxdWlwb2lzZS4gTm90aGluZyBvdXRzaWRlIGl0IGlzIGV2ZXIgd3JpdHRlbiBieSBmZXRjaGluZyBvclxuICogbGlua2luZy5cbiAqL1xuZXhwb3J0IGZ1bmN0aW9uIGNhY2hlUGF0aCguLi5wYXJ0czogc3RyaW5nW10pOiBzdHJpbmcge1xuICBjb25zdCBiYXNlID1cbiAgICBwcm9jZXNzLmVudlsnRVFVSVBPSVNFX0NBQ0hFJ10gPz8gam9pbihwcm9jZXNzLmVudlsnWERHX0NBQ0hFX0hPTUUnXSA/PyBqb2luKGhvbWVkaXIoKSwgJy5jYWNoZScpLCAnZXF1aXBvaXNlJyk7XG4gIHJldHVybiBqb2luKHJlc29sdmUoYmFzZSksIC4uLnBhcnRzKTtcbn1cblxuLyoqIHNoYTI1NiBvZiBieXRlcyBvciB0ZXh0LCBoZXhhZGVjaW1hbC4gKi9cbmV4cG9ydCBmdW5jdGlvbiBzaGEyNTYoY29udGVudDogc3RyaW5nIHwgVWludDhBcnJheSk6IHN0cmluZyB7XG4gIHJldHVybiBjcmVhdGVIYXNoKCdzaGEyNTYnKS51cGRhdGUoY29udGVudCkuZGlnZXN0KCdoZXgnKTtcbn1cblxuLyoqXG4gKiBTaXplIGFuZCBzaGEyNTYgKGhleGFkZWNpbWFsKSBvZiBhIGZpbGUgb2YgYW55IHNpemUsIHJlYWQgaW4gcGFydHMuIFRocm93cyB0aGUgc3lzdGVtJ3MgZXJyb3Igd2hlbiBpdCBjYW5ub3QgYmUgcmVhZC5cbiAqL1xuZXhwb3J0IGZ1bmN0aW9uIHNoYTI1Nk9mRmlsZShwYXRoOiBzdHJpbmcgfCBCdWZmZXIpOiB7IGJ5dGVzOiBudW1iZXI7IHNoYTI1Njogc3RyaW5nIH0ge1xuICBjb25zdCBoYXNoID0gY3JlYXRlSGFzaCgnc2hhMjU2Jyk7XG4gIGNvbnN0IGZpbGUgPSBvcGVuU3luYyhwYXRoLCAncicpO1xuICBjb25zdCBidWZmZXIgPSBCdWZmZXIuYWxsb2MoMiAqKiAyMCk7XG4gIGxldCBieXRlcyA9IDA7XG4gIHRyeSB7XG4gICAgZm9yIChsZXQgZ290ID0gcmVhZFN5bmMoZmlsZSwgYnVmZmVyKTsgZ290ID4gMDsgZ290ID0gcmVhZFN5bmMoZmlsZSwgYnVmZmVyKSkge1xuICAgICAgaGFzaC51cGRhdGUoYnVmZmVyLnN1YmFycmF5KDAsIGdvdCkpO1xuICAgICAgYnl0ZXMgKz0gZ290O1xuICAgIH1cbiAgfSBmaW5hbGx5IHtcbiAgICBjbG9zZVN5bmMoZmlsZSk7XG4gIH1cbiAgcmV0dXJuIHsgYnl0ZXMsIHNoYTI1NjogaGFzaC5kaWdlc3QoJ2hleCcpIH07XG59XG5cbi8qKiBKU09OIHdpdGggc29ydGVkIGtleXMgYW5kIHdpdGhvdXQgYHVuZGVmaW5lZGA6IGVxdWFsIHZhbHVlcyBnaXZlIGVxdWFsIHRleHQuICovXG5leHBvcnQgZnVuY3Rpb24gY2Fub25pY2FsSnNvbih2YWx1ZTogdW5rbm93bik6IHN0cmluZyB7XG4gIHJldHVybiBKU09OLnN0cmluZ2lmeShzb3J0ZWQodmFsdWUpKTtcbn1cblxuLyoqIFRoZSB2YWx1ZSB3aXRoIGl0cyBrZXlzIGluIG9yZGVyLiBOb3QgYSByZXBsYWNlciBvZiBKU09OLnN0cmluZ2lmeSwgd2hpY2ggaXMgc2V2ZXJhbCB0aW1lcyBhcyBzbG93LiAqL1xuZnVuY3Rpb24gc29ydGVkKHZhbHVlOiB1bmtub3duKTogdW5rbm93biB7XG4gIGlmICh2YWx1ZSA9PT0gbnVsbCB8fCB0eXBlb2YgdmFsdWUgIT09ICdvYmplY3QnKSByZXR1cm4gdmFsdWU7XG4gIGNvbnN0IHsgdG9KU09OIH0gPSB2YWx1ZSBhcyB7IHRvSlNPTj86ICgpID0+IHVua25vd24gfTtcbiAgaWYgKHR5cGVvZiB0b0pTT04gPT09ICdmdW5jdGlvbicpIHJldHVybiBzb3J0ZWQodG9KU09OLmNhbGwodmFsdWUpKTtcbiAgaWYgKEFycmF5LmlzQXJyYXkodmFsdWUpKSByZXR1cm4gdmFsdWUubWFwKHNvcnRlZCk7XG4gIGNvbnN0IHJlc3VsdDogUmVjb3JkPHN0cmluZywgdW5rbm93bj4gPSB7fTtcbiAgZm9yIChjb25zdCBrZXkgb2YgT2JqZWN0LmtleXModmFsdWUpLnNvcnQoKSkge1xuICAgIGNvbnN0IGlubmVyID0gc29ydGVkKCh2YWx1ZSBhcyBSZWNvcmQ8c3RyaW5nLCB1bmtub3duPilba2V5XSk7XG4gICAgaWYgKGtleSA9PT0gJ19fcHJvdG9fXycpIE9iamVjdC5kZWZpbmVQcm9wZXJ0eShyZXN1bHQsIGtleSwgeyB2YWx1ZTogaW5uZXIsIGVudW1lcmFibGU6IHRydWUgfSk7XG4gICAgZWxzZSByZXN1bHRba2V5XSA9IGlubmVyO1xuICB9XG4gIHJldHVybiByZXN1bHQ7XG59XG5cbi8qKiBXcml0ZXMgYSBmaWxlIGJ5IHRlbXBvcmFyeSBuYW1lLCBmc3luYyBhbmQgcmVuYW1lOiBhIHJlYWRlciBzZWVzIHRoZSBvbGQgY29udGVudCBvciB0aGUgbmV3LCBuZXZlciBhIHBhcnQuICovXG5leHBvcnQgZnVuY3Rpb24gd3JpdGVXaG9sZShwYXRoOiBzdHJpbmcsIGNvbnRlbnQ6IHN0cmluZyB8IFVpbnQ4QXJyYXkpOiB2b2lkIHtcbiAgbWtkaXJTeW5jKGRpcm5hbWUocGF0aCksIHsgcmVjdXJzaXZlOiB0cnVlIH0pO1xuICBjb25zdCB0ZW1wb3JhcnkgPSBgJHtwYXRofS4ke3JhbmRvbVVVSUQoKX0udG1wYDsgLy8gbm90IHRoZSBwcm9jZXNzIGlkOiB0d28gbWFjaGluZXMgbWF5IHNoYXJlIHRoZSBmb2xkZXJcbiAgY29uc3QgYnl0ZXMgPSB0eXBlb2YgY29udGVudCA9PT0gJ3N0cmluZycgPyBCdWZmZXIuZnJvbShjb250ZW50LCAndXRmOCcpIDogY29udGVudDtcbiAgY29uc3QgZmlsZSA9IG9wZW5TeW5jKHRlbXBvcmFyeSwgJ3cnKTtcbiAgdHJ5IHtcbiAgICBmb3IgKGxldCBhdCA9IDA7IGF0IDwgYnl0ZXMubGVuZ3RoOykgYXQgKz0gd3JpdGVTeW5jKGZpbGUsIGJ5dGVzLCBhdCk7XG4gICAgZnN5bmNTeW5jKGZpbGUpO1xuICB9IGNhdGNoIChlcnJvcikge1xuICAgIHJtU3luYyh0ZW1wb3JhcnksIHsgZm9yY2U6IHRydWUgfSk7XG4gICAgdGhyb3cgZXJyb3I7XG4gIH0gZmluYWxseSB7XG4gICAgY2xvc2VTeW5jKGZpbGUpO1xuICB9XG4gIHJlbmFtZVN5bmModGVtcG9yYXJ5LCBwYXRoKTtcbn1cblxuY29uc3Qgc3RvcmFnZUZhdWx0czogUmVjb3JkPHN0cmluZywgc3RyaW5nPiA9IHtcbiAgRU5PU1BDOiAndGhlIGRpc2sgaXMgZnVsbCcsXG4gIEVEUVVPVDogJ3RoZSBkaXNrIHF1b3RhIGlzIHVzZWQgdXAnLFxuICBFRkJJRzogJ3RoZSBmaWxlIHdvdWxkIGJlIGxhcmdlciB0aGFuIHRoZSBzeXN0ZW0gYWxsb3dzJyxcbiAgRVJPRlM6ICd0aGUgZmlsZSBzeXN0ZW0gaXMgcmVhZC1vbmx5JyxcbiAgRUFDQ0VTOiAnd3JpdGluZyBpcyBub3QgcGVybWl0dGVkJyxcbiAgRVBFUk06ICd3cml0aW5nIGlzIG5vdCBwZXJtaXR0ZWQnLFxuICBFSU86ICd0aGUgZGlzayByZXBvcnRzIGFuIGlucHV0L291dHB1dCBlcnJvcicsXG4gIEVTVEFMRTogJ3RoZSBzaGFyZWQgZmlsZSBzeXN0ZW0gaGFzIGxvc3QgdGhlIGZvbGRlcicsXG59O1xuXG5jb25zdCBzdG9yYWdlQ2FsbHMgPSBuZXcgU2V0KFtcbiAgJ3dyaXRlJyxcbiAgJ29wZW4nLFxuICAnZnN5bmMnLFxuICAnZnRydW5jYXRlJyxcbiAgJ21rZGlyJyxcbiAgJ21rZHRlbXAnLFxuICAncmVuYW1lJyxcbiAgJ2xpbmsnLFxuICAndW5saW5rJyxcbiAgJ3JtZGlyJyxcbiAgJ3JtJyxcbiAgJ2NvcHlmaWxlJyxcbiAgJ3V0aW1lJyxcbiAgJ2Nsb3NlJyxcbiAgJ3JlYWQnLFxuICAnc3RhdCcsXG4gICdmc3RhdCcsXG4gICdzY2FuZGlyJyxcbl0pO1xuXG4vKipcbiAqIFdoYXQgaXMgd3Jvbmcgd2l0aCB0aGUgZGlzaywgaW4gd29yZHMgd2l0aCB0aGUgcGF0aCB3aGVyZSB0aGUgc3lzdGVtIG5hbWVzIGl0OyBudWxsIGZvciBlcnJvcnMgdGhhdCBhcmUgbm90IGFib3V0XG4gKiBzdG9yYWdlLlxuICovXG5leHBvcnQgZnVuY3Rpb24gc3RvcmFnZUZhdWx0KGVycm9yOiB1bmtub3duKTogc3RyaW5nIHwgbnVsbCB7XG4gIGNvbnN0IHsgY29kZSwgcGF0aCwgc3lzY2FsbCB9ID0gKGVycm9yID8/IHt9KSBhcyBOb2RlSlMuRXJybm9FeGNlcHRpb247XG4gIGlmIChjb2RlID09PSB1bmRlZmluZWQgfHwgc3lzY2FsbCA9PT0gdW5kZWZpbmVkIHx8ICFzdG9yYWdlQ2FsbHMuaGFzKHN5c2NhbGwpKSByZXR1cm4gbnVsbDtcbiAgLy8gTm9kZSBzYXlzIEVOT0VOVCB3aGVuIGl0IGNhbm5vdCBtYWtlIHRoZSBmb2xkZXJzIG9mIGEgcGF0aCwgd2hhdGV2ZXIgdGhlIHJlYXNvbi5cbiAgY29uc3Qgd29yZHMgPVxuICAgIGNvZGUgPT09ICdFTk9FTlQnICYmIHN5c2NhbGwgPT09ICdta2RpcidcbiAgICAgID8gJ3RoZSBmb2xkZXIgY2Fubm90IGJlIG1hZGUsIGFzIG9uIGEgcmVhZC1vbmx5IGZpbGUgc3lzdGVtJ1xuICAgICAgOiBzdG9yYWdlRmF1bHRzW2NvZGVdO1xuICByZXR1cm4gd29yZHMgPT09IHVuZGVmaW5lZCA/IG51bGwgOiBgJHt3b3Jkc30gKCR7Y29kZX0ke3BhdGggPT09IHVuZGVmaW5lZCA/ICcnIDogYCwgJHtwYXRofWB9KWA7XG59XG4iXSwibmFtZXMiOlsiY2FjaGVQYXRoIiwiY2Fub25pY2FsSnNvbiIsInBhY2thZ2VGb2xkZXIiLCJwcm9qZWN0Um9vdCIsInNoYTI1NiIsInNoYTI1Nk9mRmlsZSIsInN0b3JhZ2VGYXVsdCIsIndvcmtGb2xkZXIiLCJ3cml0ZVdob2xlIiwiaXNDaGVja291dCIsImV4aXN0c1N5bmMiLCJqb2luIiwiX19kaXJuYW1lIiwicmVzb2x2ZSIsInByb2Nlc3MiLCJjd2QiLCJuYW1lIiwiZm9sZGVycyIsImNyZWF0ZVJlcXVpcmUiLCJfX2ZpbGVuYW1lIiwicGF0aHMiLCJtYXAiLCJmb2xkZXIiLCJmaW5kIiwicGFydHMiLCJiYXNlIiwiZW52IiwiaG9tZWRpciIsImNvbnRlbnQiLCJjcmVhdGVIYXNoIiwidXBkYXRlIiwiZGlnZXN0IiwicGF0aCIsImhhc2giLCJmaWxlIiwib3BlblN5bmMiLCJidWZmZXIiLCJCdWZmZXIiLCJhbGxvYyIsImJ5dGVzIiwiZ290IiwicmVhZFN5bmMiLCJzdWJhcnJheSIsImNsb3NlU3luYyIsInZhbHVlIiwiSlNPTiIsInN0cmluZ2lmeSIsInNvcnRlZCIsInRvSlNPTiIsImNhbGwiLCJBcnJheSIsImlzQXJyYXkiLCJyZXN1bHQiLCJrZXkiLCJPYmplY3QiLCJrZXlzIiwic29ydCIsImlubmVyIiwiZGVmaW5lUHJvcGVydHkiLCJlbnVtZXJhYmxlIiwibWtkaXJTeW5jIiwiZGlybmFtZSIsInJlY3Vyc2l2ZSIsInRlbXBvcmFyeSIsInJhbmRvbVVVSUQiLCJmcm9tIiwiYXQiLCJsZW5ndGgiLCJ3cml0ZVN5bmMiLCJmc3luY1N5bmMiLCJlcnJvciIsInJtU3luYyIsImZvcmNlIiwicmVuYW1lU3luYyIsInN0b3JhZ2VGYXVsdHMiLCJFTk9TUEMiLCJFRFFVT1QiLCJFRkJJRyIsIkVST0ZTIiwiRUFDQ0VTIiwiRVBFUk0iLCJFSU8iLCJFU1RBTEUiLCJzdG9yYWdlQ2FsbHMiLCJTZXQiLCJjb2RlIiwic3lzY2FsbCIsInVuZGVmaW5lZCIsImhhcyIsIndvcmRzIl0sIm1hcHBpbmdzIjoiQUFBQSx1R0FBdUc7Ozs7Ozs7Ozs7O1FBMEN2RkE7ZUFBQUE7O1FBK0JBQztlQUFBQTs7UUF4Q0FDO2VBQUFBOztRQVRIQztlQUFBQTs7UUF5QkdDO2VBQUFBOztRQU9BQztlQUFBQTs7UUEwRkFDO2VBQUFBOztRQXBISEM7ZUFBQUE7O1FBK0RHQztlQUFBQTs7OzRCQTVGdUI7d0JBV2hDOzRCQUN1Qjt3QkFDTjswQkFDZTtBQUV2Qzs7O0NBR0MsR0FDRCxNQUFNQyxhQUFhQyxJQUFBQSxrQkFBVSxFQUFDQyxJQUFBQSxjQUFJLEVBQUNDLFdBQVcsTUFBTTtBQUc3QyxNQUFNVCxjQUFjVSxJQUFBQSxpQkFBTyxFQUFDRCxXQUFXSCxhQUFhLE9BQU87QUFNM0QsTUFBTUYsYUFBYUUsYUFBYU4sY0FBY1csUUFBUUMsR0FBRztBQUd6RCxTQUFTYixjQUFjYyxJQUFZO0lBQ3hDLE1BQU1DLFVBQVVDLElBQUFBLHlCQUFhLEVBQUNDLFlBQVlOLE9BQU8sQ0FBQ08sS0FBSyxDQUFDSixTQUFTLEVBQUU7SUFDbkUsT0FBT0MsUUFBUUksR0FBRyxDQUFDLENBQUNDLFNBQVdYLElBQUFBLGNBQUksRUFBQ1csUUFBUU4sT0FBT08sSUFBSSxDQUFDLENBQUNELFNBQVdaLElBQUFBLGtCQUFVLEVBQUNDLElBQUFBLGNBQUksRUFBQ1csUUFBUTtBQUM5RjtBQU1PLFNBQVN0QixVQUFVLEdBQUd3QixLQUFlO0lBQzFDLE1BQU1DLE9BQ0pYLFFBQVFZLEdBQUcsQ0FBQyxrQkFBa0IsSUFBSWYsSUFBQUEsY0FBSSxFQUFDRyxRQUFRWSxHQUFHLENBQUMsaUJBQWlCLElBQUlmLElBQUFBLGNBQUksRUFBQ2dCLElBQUFBLGVBQU8sS0FBSSxXQUFXO0lBQ3JHLE9BQU9oQixJQUFBQSxjQUFJLEVBQUNFLElBQUFBLGlCQUFPLEVBQUNZLFVBQVVEO0FBQ2hDO0FBR08sU0FBU3BCLE9BQU93QixPQUE0QjtJQUNqRCxPQUFPQyxJQUFBQSxzQkFBVSxFQUFDLFVBQVVDLE1BQU0sQ0FBQ0YsU0FBU0csTUFBTSxDQUFDO0FBQ3JEO0FBS08sU0FBUzFCLGFBQWEyQixJQUFxQjtJQUNoRCxNQUFNQyxPQUFPSixJQUFBQSxzQkFBVSxFQUFDO0lBQ3hCLE1BQU1LLE9BQU9DLElBQUFBLGdCQUFRLEVBQUNILE1BQU07SUFDNUIsTUFBTUksU0FBU0MsT0FBT0MsS0FBSyxDQUFDLEtBQUs7SUFDakMsSUFBSUMsUUFBUTtJQUNaLElBQUk7UUFDRixJQUFLLElBQUlDLE1BQU1DLElBQUFBLGdCQUFRLEVBQUNQLE1BQU1FLFNBQVNJLE1BQU0sR0FBR0EsTUFBTUMsSUFBQUEsZ0JBQVEsRUFBQ1AsTUFBTUUsUUFBUztZQUM1RUgsS0FBS0gsTUFBTSxDQUFDTSxPQUFPTSxRQUFRLENBQUMsR0FBR0Y7WUFDL0JELFNBQVNDO1FBQ1g7SUFDRixTQUFVO1FBQ1JHLElBQUFBLGlCQUFTLEVBQUNUO0lBQ1o7SUFDQSxPQUFPO1FBQUVLO1FBQU9uQyxRQUFRNkIsS0FBS0YsTUFBTSxDQUFDO0lBQU87QUFDN0M7QUFHTyxTQUFTOUIsY0FBYzJDLEtBQWM7SUFDMUMsT0FBT0MsS0FBS0MsU0FBUyxDQUFDQyxPQUFPSDtBQUMvQjtBQUVBLHdHQUF3RyxHQUN4RyxTQUFTRyxPQUFPSCxLQUFjO0lBQzVCLElBQUlBLFVBQVUsUUFBUSxPQUFPQSxVQUFVLFVBQVUsT0FBT0E7SUFDeEQsTUFBTSxFQUFFSSxNQUFNLEVBQUUsR0FBR0o7SUFDbkIsSUFBSSxPQUFPSSxXQUFXLFlBQVksT0FBT0QsT0FBT0MsT0FBT0MsSUFBSSxDQUFDTDtJQUM1RCxJQUFJTSxNQUFNQyxPQUFPLENBQUNQLFFBQVEsT0FBT0EsTUFBTXZCLEdBQUcsQ0FBQzBCO0lBQzNDLE1BQU1LLFNBQWtDLENBQUM7SUFDekMsS0FBSyxNQUFNQyxPQUFPQyxPQUFPQyxJQUFJLENBQUNYLE9BQU9ZLElBQUksR0FBSTtRQUMzQyxNQUFNQyxRQUFRVixPQUFPLEFBQUNILEtBQWlDLENBQUNTLElBQUk7UUFDNUQsSUFBSUEsUUFBUSxhQUFhQyxPQUFPSSxjQUFjLENBQUNOLFFBQVFDLEtBQUs7WUFBRVQsT0FBT2E7WUFBT0UsWUFBWTtRQUFLO2FBQ3hGUCxNQUFNLENBQUNDLElBQUksR0FBR0k7SUFDckI7SUFDQSxPQUFPTDtBQUNUO0FBR08sU0FBUzVDLFdBQVd3QixJQUFZLEVBQUVKLE9BQTRCO0lBQ25FZ0MsSUFBQUEsaUJBQVMsRUFBQ0MsSUFBQUEsaUJBQU8sRUFBQzdCLE9BQU87UUFBRThCLFdBQVc7SUFBSztJQUMzQyxNQUFNQyxZQUFZLEdBQUcvQixLQUFLLENBQUMsRUFBRWdDLElBQUFBLHNCQUFVLElBQUcsSUFBSSxDQUFDLEVBQUUsd0RBQXdEO0lBQ3pHLE1BQU16QixRQUFRLE9BQU9YLFlBQVksV0FBV1MsT0FBTzRCLElBQUksQ0FBQ3JDLFNBQVMsVUFBVUE7SUFDM0UsTUFBTU0sT0FBT0MsSUFBQUEsZ0JBQVEsRUFBQzRCLFdBQVc7SUFDakMsSUFBSTtRQUNGLElBQUssSUFBSUcsS0FBSyxHQUFHQSxLQUFLM0IsTUFBTTRCLE1BQU0sRUFBR0QsTUFBTUUsSUFBQUEsaUJBQVMsRUFBQ2xDLE1BQU1LLE9BQU8yQjtRQUNsRUcsSUFBQUEsaUJBQVMsRUFBQ25DO0lBQ1osRUFBRSxPQUFPb0MsT0FBTztRQUNkQyxJQUFBQSxjQUFNLEVBQUNSLFdBQVc7WUFBRVMsT0FBTztRQUFLO1FBQ2hDLE1BQU1GO0lBQ1IsU0FBVTtRQUNSM0IsSUFBQUEsaUJBQVMsRUFBQ1Q7SUFDWjtJQUNBdUMsSUFBQUEsa0JBQVUsRUFBQ1YsV0FBVy9CO0FBQ3hCO0FBRUEsTUFBTTBDLGdCQUF3QztJQUM1Q0MsUUFBUTtJQUNSQyxRQUFRO0lBQ1JDLE9BQU87SUFDUEMsT0FBTztJQUNQQyxRQUFRO0lBQ1JDLE9BQU87SUFDUEMsS0FBSztJQUNMQyxRQUFRO0FBQ1Y7QUFFQSxNQUFNQyxlQUFlLElBQUlDLElBQUk7SUFDM0I7SUFDQTtJQUNBO0lBQ0E7SUFDQTtJQUNBO0lBQ0E7SUFDQTtJQUNBO0lBQ0E7SUFDQTtJQUNBO0lBQ0E7SUFDQTtJQUNBO0lBQ0E7SUFDQTtJQUNBO0NBQ0Q7QUFNTSxTQUFTOUUsYUFBYWdFLEtBQWM7SUFDekMsTUFBTSxFQUFFZSxJQUFJLEVBQUVyRCxJQUFJLEVBQUVzRCxPQUFPLEVBQUUsR0FBSWhCLFNBQVMsQ0FBQztJQUMzQyxJQUFJZSxTQUFTRSxhQUFhRCxZQUFZQyxhQUFhLENBQUNKLGFBQWFLLEdBQUcsQ0FBQ0YsVUFBVSxPQUFPO0lBQ3RGLG1GQUFtRjtJQUNuRixNQUFNRyxRQUNKSixTQUFTLFlBQVlDLFlBQVksVUFDN0IsNkRBQ0FaLGFBQWEsQ0FBQ1csS0FBSztJQUN6QixPQUFPSSxVQUFVRixZQUFZLE9BQU8sR0FBR0UsTUFBTSxFQUFFLEVBQUVKLE9BQU9yRCxTQUFTdUQsWUFBWSxLQUFLLENBQUMsRUFBRSxFQUFFdkQsTUFBTSxDQUFDLENBQUMsQ0FBQztBQUNsRyJ9