// 2048cb6aea188ffef7a06128afaee9e1b05b5dd18f4c0034697416fbbe8a90c5
/** Words and columns for a person at a terminal. */ "use strict";
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
    get columns () {
        return columns;
    },
    get count () {
        return count;
    },
    get duration () {
        return duration;
    },
    get layoutText () {
        return layoutText;
    },
    get megabytes () {
        return megabytes;
    },
    get note () {
        return note;
    },
    get say () {
        return say;
    },
    get sayJson () {
        return sayJson;
    },
    get short () {
        return short;
    }
});
const _printable = require("../printable");
function duration(seconds) {
    if (!Number.isFinite(seconds)) return 'an unknown time';
    const whole = Math.max(0, Math.round(seconds));
    if (whole < 60) return `${whole} s`;
    const minutes = Math.round(whole / 60);
    if (whole < 600) return whole % 60 === 0 ? `${whole / 60} min` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
    if (minutes < 60) return `${minutes} min`;
    if (minutes < 24 * 60) return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
    const hours = Math.round(whole / 3600);
    return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
function count(number, noun) {
    return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
function columns(rows) {
    const widths = [];
    for (const row of rows)row.forEach((cell, index)=>{
        widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
    return rows.map((row)=>row.map((cell, index)=>cell.padEnd(widths[index] ?? 0)).join('  ').trimEnd()).join('\n');
}
function layoutText({ columns: heads, groups }) {
    const rows = groups.map((group)=>group.map((row)=>row.map(({ text, best })=>best === true ? `${text} *` : text)));
    const empty = heads.map(()=>'');
    return columns([
        heads.map(({ header })=>header),
        ...rows.flatMap((group, i)=>i === 0 ? group : [
                empty,
                ...group
            ])
    ]);
}
function short(value) {
    return Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value) : String(Number(value.toPrecision(3)));
}
function megabytes(bytes) {
    return bytes < 100_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
function say(line) {
    process.stdout.write(`${(0, _printable.printableLines)(line)}\n`);
}
function note(line) {
    process.stderr.write(`${(0, _printable.printableLines)(line)}\n`);
}
function sayJson(value) {
    say(JSON.stringify(value, null, 2));
}

//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbIi93b3JrL3d0L2xlYWQvc3JjL2NsaS90ZXh0LnRzIl0sInNvdXJjZXNDb250ZW50IjpbIi8qKiBXb3JkcyBhbmQgY29sdW1ucyBmb3IgYSBwZXJzb24gYXQgYSB0ZXJtaW5hbC4gKi9cbmltcG9ydCB0eXBlIHsgVGFibGVMYXlvdXQgfSBmcm9tICcuLi8uLi9hbmFseXNpcy90YWJsZSc7XG5pbXBvcnQgeyBwcmludGFibGVMaW5lcyB9IGZyb20gJy4uL3ByaW50YWJsZSc7XG5cbi8qKiBBIGxlbmd0aCBvZiB0aW1lIGluIHRoZSB0d28gbGFyZ2VzdCB1bml0cyB0aGF0IG1hdHRlcjogYDggc2AsIGAzIG1pbiAyMCBzYCwgYDIgaCA1IG1pbmAsIGAxIGQgMyBoYC4gKi9cbmV4cG9ydCBmdW5jdGlvbiBkdXJhdGlvbihzZWNvbmRzOiBudW1iZXIpOiBzdHJpbmcge1xuICBpZiAoIU51bWJlci5pc0Zpbml0ZShzZWNvbmRzKSkgcmV0dXJuICdhbiB1bmtub3duIHRpbWUnO1xuICBjb25zdCB3aG9sZSA9IE1hdGgubWF4KDAsIE1hdGgucm91bmQoc2Vjb25kcykpO1xuICBpZiAod2hvbGUgPCA2MCkgcmV0dXJuIGAke3dob2xlfSBzYDtcbiAgY29uc3QgbWludXRlcyA9IE1hdGgucm91bmQod2hvbGUgLyA2MCk7XG4gIGlmICh3aG9sZSA8IDYwMCkgcmV0dXJuIHdob2xlICUgNjAgPT09IDAgPyBgJHt3aG9sZSAvIDYwfSBtaW5gIDogYCR7TWF0aC5mbG9vcih3aG9sZSAvIDYwKX0gbWluICR7d2hvbGUgJSA2MH0gc2A7XG4gIGlmIChtaW51dGVzIDwgNjApIHJldHVybiBgJHttaW51dGVzfSBtaW5gO1xuICBpZiAobWludXRlcyA8IDI0ICogNjApXG4gICAgcmV0dXJuIG1pbnV0ZXMgJSA2MCA9PT0gMCA/IGAke21pbnV0ZXMgLyA2MH0gaGAgOiBgJHtNYXRoLmZsb29yKG1pbnV0ZXMgLyA2MCl9IGggJHttaW51dGVzICUgNjB9IG1pbmA7XG4gIGNvbnN0IGhvdXJzID0gTWF0aC5yb3VuZCh3aG9sZSAvIDM2MDApO1xuICByZXR1cm4gaG91cnMgJSAyNCA9PT0gMCA/IGAke2hvdXJzIC8gMjR9IGRgIDogYCR7TWF0aC5mbG9vcihob3VycyAvIDI0KX0gZCAke2hvdXJzICUgMjR9IGhgO1xufVxuXG4vKiogYDEgcnVuYCwgYDIgcnVuc2AuICovXG5leHBvcnQgZnVuY3Rpb24gY291bnQobnVtYmVyOiBudW1iZXIsIG5vdW46IHN0cmluZyk6IHN0cmluZyB7XG4gIHJldHVybiBgJHtudW1iZXJ9ICR7bm91bn0ke251bWJlciA9PT0gMSA/ICcnIDogJ3MnfWA7XG59XG5cbi8qKiBSb3dzIHdpdGggY29sdW1ucyBhbGlnbmVkIHRvIHRoZSBsZWZ0LCB0d28gc3BhY2VzIGJldHdlZW47IG5vIHNwYWNlcyBhdCB0aGUgZW5kcyBvZiBsaW5lcy4gKi9cbmV4cG9ydCBmdW5jdGlvbiBjb2x1bW5zKHJvd3M6IHJlYWRvbmx5IChyZWFkb25seSBzdHJpbmdbXSlbXSk6IHN0cmluZyB7XG4gIGNvbnN0IHdpZHRoczogbnVtYmVyW10gPSBbXTtcbiAgZm9yIChjb25zdCByb3cgb2Ygcm93cylcbiAgICByb3cuZm9yRWFjaCgoY2VsbCwgaW5kZXgpID0+IHtcbiAgICAgIHdpZHRoc1tpbmRleF0gPSBNYXRoLm1heCh3aWR0aHNbaW5kZXhdID8/IDAsIGNlbGwubGVuZ3RoKTtcbiAgICB9KTtcbiAgcmV0dXJuIHJvd3NcbiAgICAubWFwKChyb3cpID0+XG4gICAgICByb3dcbiAgICAgICAgLm1hcCgoY2VsbCwgaW5kZXgpID0+IGNlbGwucGFkRW5kKHdpZHRoc1tpbmRleF0gPz8gMCkpXG4gICAgICAgIC5qb2luKCcgICcpXG4gICAgICAgIC50cmltRW5kKCksXG4gICAgKVxuICAgIC5qb2luKCdcXG4nKTtcbn1cblxuLyoqIEEgdGFibGUgb2YgdGhlIGFuYWx5c2lzIGZvciBhIHRlcm1pbmFsOiBhIGxpbmUgYSByb3csIGFuIGVtcHR5IGxpbmUgYmV0d2VlbiBncm91cHMsIGFuIGFzdGVyaXNrIHdoZXJlIGl0IGlzIGJvbGQuICovXG5leHBvcnQgZnVuY3Rpb24gbGF5b3V0VGV4dCh7IGNvbHVtbnM6IGhlYWRzLCBncm91cHMgfTogVGFibGVMYXlvdXQpOiBzdHJpbmcge1xuICBjb25zdCByb3dzID0gZ3JvdXBzLm1hcCgoZ3JvdXApID0+XG4gICAgZ3JvdXAubWFwKChyb3cpID0+IHJvdy5tYXAoKHsgdGV4dCwgYmVzdCB9KSA9PiAoYmVzdCA9PT0gdHJ1ZSA/IGAke3RleHR9ICpgIDogdGV4dCkpKSxcbiAgKTtcbiAgY29uc3QgZW1wdHkgPSBoZWFkcy5tYXAoKCkgPT4gJycpO1xuICByZXR1cm4gY29sdW1ucyhbXG4gICAgaGVhZHMubWFwKCh7IGhlYWRlciB9KSA9PiBoZWFkZXIpLFxuICAgIC4uLnJvd3MuZmxhdE1hcCgoZ3JvdXAsIGkpID0+IChpID09PSAwID8gZ3JvdXAgOiBbZW1wdHksIC4uLmdyb3VwXSkpLFxuICBdKTtcbn1cblxuLyoqIEEgbnVtYmVyIGFzIGl0IGlzIHJlYWQgYXQgYSBnbGFuY2U6IHRocmVlIHNpZ25pZmljYW50IGRpZ2l0cy4gKi9cbmV4cG9ydCBmdW5jdGlvbiBzaG9ydCh2YWx1ZTogbnVtYmVyKTogc3RyaW5nIHtcbiAgcmV0dXJuIE51bWJlci5pc0ludGVnZXIodmFsdWUpICYmIE1hdGguYWJzKHZhbHVlKSA8IDFlNiA/IFN0cmluZyh2YWx1ZSkgOiBTdHJpbmcoTnVtYmVyKHZhbHVlLnRvUHJlY2lzaW9uKDMpKSk7XG59XG5cbi8qKiBCeXRlcyBhcyBgMTIuMyBrQmAgb3IgYDQuNSBNQmAuICovXG5leHBvcnQgZnVuY3Rpb24gbWVnYWJ5dGVzKGJ5dGVzOiBudW1iZXIpOiBzdHJpbmcge1xuICByZXR1cm4gYnl0ZXMgPCAxMDBfMDAwID8gYCR7KGJ5dGVzIC8gMTAwMCkudG9GaXhlZCgxKX0ga0JgIDogYCR7KGJ5dGVzIC8gMWU2KS50b0ZpeGVkKDEpfSBNQmA7XG59XG5cbi8qKiBQcmludHMgbGluZXMgb24gc3RhbmRhcmQgb3V0cHV0LiBXaGF0IGEgdGVybWluYWwgd291bGQgb2JleSBpcyBzaG93biBpbnN0ZWFkLCB3aGF0ZXZlciB0aGUgdGV4dCBjYW1lIGZyb20uICovXG5leHBvcnQgZnVuY3Rpb24gc2F5KGxpbmU6IHN0cmluZyk6IHZvaWQge1xuICBwcm9jZXNzLnN0ZG91dC53cml0ZShgJHtwcmludGFibGVMaW5lcyhsaW5lKX1cXG5gKTtcbn1cblxuLyoqIFByaW50cyBsaW5lcyBvbiBzdGFuZGFyZCBlcnJvciwgYXMgc2FmZWx5OiB3aGF0IGFjY29tcGFuaWVzIHRoZSByZXN1bHQgYW5kIGlzIG5vdCBpdC4gKi9cbmV4cG9ydCBmdW5jdGlvbiBub3RlKGxpbmU6IHN0cmluZyk6IHZvaWQge1xuICBwcm9jZXNzLnN0ZGVyci53cml0ZShgJHtwcmludGFibGVMaW5lcyhsaW5lKX1cXG5gKTtcbn1cblxuLyoqXG4gKiBQcmludHMgYSB2YWx1ZSBhcyBKU09OIG9uIHN0YW5kYXJkIG91dHB1dC4gRXNjYXBlcyBhcmUgdmFsaWQgaW4gSlNPTjogYSBwcm9ncmFtIHRoYXQgcmVhZHMgaXQgZ2V0cyB0aGUgdmFsdWUgYXMgaXRcbiAqIHdhcy5cbiAqL1xuZXhwb3J0IGZ1bmN0aW9uIHNheUpzb24odmFsdWU6IHVua25vd24pOiB2b2lkIHtcbiAgc2F5KEpTT04uc3RyaW5naWZ5KHZhbHVlLCBudWxsLCAyKSk7XG59XG4iXSwibmFtZXMiOlsiY29sdW1ucyIsImNvdW50IiwiZHVyYXRpb24iLCJsYXlvdXRUZXh0IiwibWVnYWJ5dGVzIiwibm90ZSIsInNheSIsInNheUpzb24iLCJzaG9ydCIsInNlY29uZHMiLCJOdW1iZXIiLCJpc0Zpbml0ZSIsIndob2xlIiwiTWF0aCIsIm1heCIsInJvdW5kIiwibWludXRlcyIsImZsb29yIiwiaG91cnMiLCJudW1iZXIiLCJub3VuIiwicm93cyIsIndpZHRocyIsInJvdyIsImZvckVhY2giLCJjZWxsIiwiaW5kZXgiLCJsZW5ndGgiLCJtYXAiLCJwYWRFbmQiLCJqb2luIiwidHJpbUVuZCIsImhlYWRzIiwiZ3JvdXBzIiwiZ3JvdXAiLCJ0ZXh0IiwiYmVzdCIsImVtcHR5IiwiaGVhZGVyIiwiZmxhdE1hcCIsImkiLCJ2YWx1ZSIsImlzSW50ZWdlciIsImFicyIsIlN0cmluZyIsInRvUHJlY2lzaW9uIiwiYnl0ZXMiLCJ0b0ZpeGVkIiwibGluZSIsInByb2Nlc3MiLCJzdGRvdXQiLCJ3cml0ZSIsInByaW50YWJsZUxpbmVzIiwic3RkZXJyIiwiSlNPTiIsInN0cmluZ2lmeSJdLCJtYXBwaW5ncyI6IkFBQUEsa0RBQWtEOzs7Ozs7Ozs7OztRQXdCbENBO2VBQUFBOztRQUxBQztlQUFBQTs7UUFkQUM7ZUFBQUE7O1FBb0NBQztlQUFBQTs7UUFpQkFDO2VBQUFBOztRQVVBQztlQUFBQTs7UUFMQUM7ZUFBQUE7O1FBYUFDO2VBQUFBOztRQXZCQUM7ZUFBQUE7OzsyQkFuRGU7QUFHeEIsU0FBU04sU0FBU08sT0FBZTtJQUN0QyxJQUFJLENBQUNDLE9BQU9DLFFBQVEsQ0FBQ0YsVUFBVSxPQUFPO0lBQ3RDLE1BQU1HLFFBQVFDLEtBQUtDLEdBQUcsQ0FBQyxHQUFHRCxLQUFLRSxLQUFLLENBQUNOO0lBQ3JDLElBQUlHLFFBQVEsSUFBSSxPQUFPLEdBQUdBLE1BQU0sRUFBRSxDQUFDO0lBQ25DLE1BQU1JLFVBQVVILEtBQUtFLEtBQUssQ0FBQ0gsUUFBUTtJQUNuQyxJQUFJQSxRQUFRLEtBQUssT0FBT0EsUUFBUSxPQUFPLElBQUksR0FBR0EsUUFBUSxHQUFHLElBQUksQ0FBQyxHQUFHLEdBQUdDLEtBQUtJLEtBQUssQ0FBQ0wsUUFBUSxJQUFJLEtBQUssRUFBRUEsUUFBUSxHQUFHLEVBQUUsQ0FBQztJQUNoSCxJQUFJSSxVQUFVLElBQUksT0FBTyxHQUFHQSxRQUFRLElBQUksQ0FBQztJQUN6QyxJQUFJQSxVQUFVLEtBQUssSUFDakIsT0FBT0EsVUFBVSxPQUFPLElBQUksR0FBR0EsVUFBVSxHQUFHLEVBQUUsQ0FBQyxHQUFHLEdBQUdILEtBQUtJLEtBQUssQ0FBQ0QsVUFBVSxJQUFJLEdBQUcsRUFBRUEsVUFBVSxHQUFHLElBQUksQ0FBQztJQUN2RyxNQUFNRSxRQUFRTCxLQUFLRSxLQUFLLENBQUNILFFBQVE7SUFDakMsT0FBT00sUUFBUSxPQUFPLElBQUksR0FBR0EsUUFBUSxHQUFHLEVBQUUsQ0FBQyxHQUFHLEdBQUdMLEtBQUtJLEtBQUssQ0FBQ0MsUUFBUSxJQUFJLEdBQUcsRUFBRUEsUUFBUSxHQUFHLEVBQUUsQ0FBQztBQUM3RjtBQUdPLFNBQVNqQixNQUFNa0IsTUFBYyxFQUFFQyxJQUFZO0lBQ2hELE9BQU8sR0FBR0QsT0FBTyxDQUFDLEVBQUVDLE9BQU9ELFdBQVcsSUFBSSxLQUFLLEtBQUs7QUFDdEQ7QUFHTyxTQUFTbkIsUUFBUXFCLElBQW9DO0lBQzFELE1BQU1DLFNBQW1CLEVBQUU7SUFDM0IsS0FBSyxNQUFNQyxPQUFPRixLQUNoQkUsSUFBSUMsT0FBTyxDQUFDLENBQUNDLE1BQU1DO1FBQ2pCSixNQUFNLENBQUNJLE1BQU0sR0FBR2IsS0FBS0MsR0FBRyxDQUFDUSxNQUFNLENBQUNJLE1BQU0sSUFBSSxHQUFHRCxLQUFLRSxNQUFNO0lBQzFEO0lBQ0YsT0FBT04sS0FDSk8sR0FBRyxDQUFDLENBQUNMLE1BQ0pBLElBQ0dLLEdBQUcsQ0FBQyxDQUFDSCxNQUFNQyxRQUFVRCxLQUFLSSxNQUFNLENBQUNQLE1BQU0sQ0FBQ0ksTUFBTSxJQUFJLElBQ2xESSxJQUFJLENBQUMsTUFDTEMsT0FBTyxJQUVYRCxJQUFJLENBQUM7QUFDVjtBQUdPLFNBQVMzQixXQUFXLEVBQUVILFNBQVNnQyxLQUFLLEVBQUVDLE1BQU0sRUFBZTtJQUNoRSxNQUFNWixPQUFPWSxPQUFPTCxHQUFHLENBQUMsQ0FBQ00sUUFDdkJBLE1BQU1OLEdBQUcsQ0FBQyxDQUFDTCxNQUFRQSxJQUFJSyxHQUFHLENBQUMsQ0FBQyxFQUFFTyxJQUFJLEVBQUVDLElBQUksRUFBRSxHQUFNQSxTQUFTLE9BQU8sR0FBR0QsS0FBSyxFQUFFLENBQUMsR0FBR0E7SUFFaEYsTUFBTUUsUUFBUUwsTUFBTUosR0FBRyxDQUFDLElBQU07SUFDOUIsT0FBTzVCLFFBQVE7UUFDYmdDLE1BQU1KLEdBQUcsQ0FBQyxDQUFDLEVBQUVVLE1BQU0sRUFBRSxHQUFLQTtXQUN2QmpCLEtBQUtrQixPQUFPLENBQUMsQ0FBQ0wsT0FBT00sSUFBT0EsTUFBTSxJQUFJTixRQUFRO2dCQUFDRzttQkFBVUg7YUFBTTtLQUNuRTtBQUNIO0FBR08sU0FBUzFCLE1BQU1pQyxLQUFhO0lBQ2pDLE9BQU8vQixPQUFPZ0MsU0FBUyxDQUFDRCxVQUFVNUIsS0FBSzhCLEdBQUcsQ0FBQ0YsU0FBUyxNQUFNRyxPQUFPSCxTQUFTRyxPQUFPbEMsT0FBTytCLE1BQU1JLFdBQVcsQ0FBQztBQUM1RztBQUdPLFNBQVN6QyxVQUFVMEMsS0FBYTtJQUNyQyxPQUFPQSxRQUFRLFVBQVUsR0FBRyxBQUFDQSxDQUFBQSxRQUFRLElBQUcsRUFBR0MsT0FBTyxDQUFDLEdBQUcsR0FBRyxDQUFDLEdBQUcsR0FBRyxBQUFDRCxDQUFBQSxRQUFRLEdBQUUsRUFBR0MsT0FBTyxDQUFDLEdBQUcsR0FBRyxDQUFDO0FBQy9GO0FBR08sU0FBU3pDLElBQUkwQyxJQUFZO0lBQzlCQyxRQUFRQyxNQUFNLENBQUNDLEtBQUssQ0FBQyxHQUFHQyxJQUFBQSx5QkFBYyxFQUFDSixNQUFNLEVBQUUsQ0FBQztBQUNsRDtBQUdPLFNBQVMzQyxLQUFLMkMsSUFBWTtJQUMvQkMsUUFBUUksTUFBTSxDQUFDRixLQUFLLENBQUMsR0FBR0MsSUFBQUEseUJBQWMsRUFBQ0osTUFBTSxFQUFFLENBQUM7QUFDbEQ7QUFNTyxTQUFTekMsUUFBUWtDLEtBQWM7SUFDcENuQyxJQUFJZ0QsS0FBS0MsU0FBUyxDQUFDZCxPQUFPLE1BQU07QUFDbEMifQ==