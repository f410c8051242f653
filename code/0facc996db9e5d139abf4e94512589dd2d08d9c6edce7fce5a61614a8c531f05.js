// 15e1461f9dd144eb5543f86f83483ed2105250deb582b6d2253debc61c3dc351
/** The nearest valid name to a misspelt one. */ /** Edit distance in which a swap of neighbours counts once (optimal string alignment). */ "use strict";
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
    get editDistance () {
        return editDistance;
    },
    get nearestName () {
        return nearestName;
    }
});
function editDistance(a, b) {
    let before = [];
    let last = Array.from({
        length: b.length + 1
    }, (_, j)=>j);
    for(let i = 1; i <= a.length; i++){
        const row = [
            i
        ];
        for(let j = 1; j <= b.length; j++){
            const same = a[i - 1] === b[j - 1] ? 0 : 1;
            row[j] = Math.min(row[j - 1] + 1, last[j] + 1, last[j - 1] + same);
            if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
    }
    return last[b.length];
}
function nearestName(name, valid) {
    if (name.length > 100) return undefined;
    const plain = (text)=>text.toLowerCase().replace(/[-_ ]/g, '');
    const ranked = valid.map((candidate)=>({
            candidate,
            distance: editDistance(plain(name), plain(candidate))
        })).sort((a, b)=>a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1));
    const best = ranked[0];
    if (best === undefined) return undefined;
    return best.distance <= Math.max(2, Math.floor(Math.max(name.length, best.candidate.length) / 3)) ? best.candidate : undefined;
}

//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbIi93b3JrL3d0L2xlYWQvc3JjL25lYXJlc3QudHMiXSwic291cmNlc0NvbnRlbnQiOlsiLyoqIFRoZSBuZWFyZXN0IHZhbGlkIG5hbWUgdG8gYSBtaXNzcGVsdCBvbmUuICovXG5cbi8qKiBFZGl0IGRpc3RhbmNlIGluIHdoaWNoIGEgc3dhcCBvZiBuZWlnaGJvdXJzIGNvdW50cyBvbmNlIChvcHRpbWFsIHN0cmluZyBhbGlnbm1lbnQpLiAqL1xuZXhwb3J0IGZ1bmN0aW9uIGVkaXREaXN0YW5jZShhOiBzdHJpbmcsIGI6IHN0cmluZyk6IG51bWJlciB7XG4gIGxldCBiZWZvcmU6IG51bWJlcltdID0gW107XG4gIGxldCBsYXN0ID0gQXJyYXkuZnJvbSh7IGxlbmd0aDogYi5sZW5ndGggKyAxIH0sIChfLCBqKSA9PiBqKTtcbiAgZm9yIChsZXQgaSA9IDE7IGkgPD0gYS5sZW5ndGg7IGkrKykge1xuICAgIGNvbnN0IHJvdyA9IFtpXTtcbiAgICBmb3IgKGxldCBqID0gMTsgaiA8PSBiLmxlbmd0aDsgaisrKSB7XG4gICAgICBjb25zdCBzYW1lID0gYVtpIC0gMV0gPT09IGJbaiAtIDFdID8gMCA6IDE7XG4gICAgICByb3dbal0gPSBNYXRoLm1pbihyb3dbaiAtIDFdISArIDEsIGxhc3Rbal0hICsgMSwgbGFzdFtqIC0gMV0hICsgc2FtZSk7XG4gICAgICBpZiAoaSA+IDEgJiYgaiA+IDEgJiYgYVtpIC0gMV0gPT09IGJbaiAtIDJdICYmIGFbaSAtIDJdID09PSBiW2ogLSAxXSlcbiAgICAgICAgcm93W2pdID0gTWF0aC5taW4ocm93W2pdISwgYmVmb3JlW2ogLSAyXSEgKyAxKTtcbiAgICB9XG4gICAgYmVmb3JlID0gbGFzdDtcbiAgICBsYXN0ID0gcm93O1xuICB9XG4gIHJldHVybiBsYXN0W2IubGVuZ3RoXSE7XG59XG5cbi8qKlxuICogVGhlIHZhbGlkIG5hbWUgdGhhdCBhIHBlcnNvbiBtb3N0IGxpa2VseSBtZWFudCwgb3IgdW5kZWZpbmVkIHdoZW4gbm9uZSBpcyBuZWFyOiBhdCBtb3N0IGEgdGhpcmQgb2YgdGhlIGxvbmdlclxuICogbmFtZSdzIGxldHRlcnMgbWF5IGRpZmZlciAodHdvIGluIHZlcnkgc2hvcnQgb25lcykuIENhc2UsIGAtYCwgYF9gIGFuZCBzcGFjZXMgYXJlIGlnbm9yZWQgZmlyc3QuXG4gKi9cbmV4cG9ydCBmdW5jdGlvbiBuZWFyZXN0TmFtZShuYW1lOiBzdHJpbmcsIHZhbGlkOiByZWFkb25seSBzdHJpbmdbXSk6IHN0cmluZyB8IHVuZGVmaW5lZCB7XG4gIGlmIChuYW1lLmxlbmd0aCA+IDEwMCkgcmV0dXJuIHVuZGVmaW5lZDtcbiAgY29uc3QgcGxhaW4gPSAodGV4dDogc3RyaW5nKSA9PiB0ZXh0LnRvTG93ZXJDYXNlKCkucmVwbGFjZSgvWy1fIF0vZywgJycpO1xuICBjb25zdCByYW5rZWQgPSB2YWxpZFxuICAgIC5tYXAoKGNhbmRpZGF0ZSkgPT4gKHsgY2FuZGlkYXRlLCBkaXN0YW5jZTogZWRpdERpc3RhbmNlKHBsYWluKG5hbWUpLCBwbGFpbihjYW5kaWRhdGUpKSB9KSlcbiAgICAuc29ydCgoYSwgYikgPT4gYS5kaXN0YW5jZSAtIGIuZGlzdGFuY2UgfHwgKGEuY2FuZGlkYXRlIDwgYi5jYW5kaWRhdGUgPyAtMSA6IDEpKTtcbiAgY29uc3QgYmVzdCA9IHJhbmtlZFswXTtcbiAgaWYgKGJlc3QgPT09IHVuZGVmaW5lZCkgcmV0dXJuIHVuZGVmaW5lZDtcbiAgcmV0dXJuIGJlc3QuZGlzdGFuY2UgPD0gTWF0aC5tYXgoMiwgTWF0aC5mbG9vcihNYXRoLm1heChuYW1lLmxlbmd0aCwgYmVzdC5jYW5kaWRhdGUubGVuZ3RoKSAvIDMpKVxuICAgID8gYmVzdC5jYW5kaWRhdGVcbiAgICA6IHVuZGVmaW5lZDtcbn1cbiJdLCJuYW1lcyI6WyJlZGl0RGlzdGFuY2UiLCJuZWFyZXN0TmFtZSIsImEiLCJiIiwiYmVmb3JlIiwibGFzdCIsIkFycmF5IiwiZnJvbSIsImxlbmd0aCIsIl8iLCJqIiwiaSIsInJvdyIsInNhbWUiLCJNYXRoIiwibWluIiwibmFtZSIsInZhbGlkIiwidW5kZWZpbmVkIiwicGxhaW4iLCJ0ZXh0IiwidG9Mb3dlckNhc2UiLCJyZXBsYWNlIiwicmFua2VkIiwibWFwIiwiY2FuZGlkYXRlIiwiZGlzdGFuY2UiLCJzb3J0IiwiYmVzdCIsIm1heCIsImZsb29yIl0sIm1hcHBpbmdzIjoiQUFBQSw4Q0FBOEMsR0FFOUMsd0ZBQXdGOzs7Ozs7Ozs7OztRQUN4RUE7ZUFBQUE7O1FBcUJBQztlQUFBQTs7O0FBckJULFNBQVNELGFBQWFFLENBQVMsRUFBRUMsQ0FBUztJQUMvQyxJQUFJQyxTQUFtQixFQUFFO0lBQ3pCLElBQUlDLE9BQU9DLE1BQU1DLElBQUksQ0FBQztRQUFFQyxRQUFRTCxFQUFFSyxNQUFNLEdBQUc7SUFBRSxHQUFHLENBQUNDLEdBQUdDLElBQU1BO0lBQzFELElBQUssSUFBSUMsSUFBSSxHQUFHQSxLQUFLVCxFQUFFTSxNQUFNLEVBQUVHLElBQUs7UUFDbEMsTUFBTUMsTUFBTTtZQUFDRDtTQUFFO1FBQ2YsSUFBSyxJQUFJRCxJQUFJLEdBQUdBLEtBQUtQLEVBQUVLLE1BQU0sRUFBRUUsSUFBSztZQUNsQyxNQUFNRyxPQUFPWCxDQUFDLENBQUNTLElBQUksRUFBRSxLQUFLUixDQUFDLENBQUNPLElBQUksRUFBRSxHQUFHLElBQUk7WUFDekNFLEdBQUcsQ0FBQ0YsRUFBRSxHQUFHSSxLQUFLQyxHQUFHLENBQUNILEdBQUcsQ0FBQ0YsSUFBSSxFQUFFLEdBQUksR0FBR0wsSUFBSSxDQUFDSyxFQUFFLEdBQUksR0FBR0wsSUFBSSxDQUFDSyxJQUFJLEVBQUUsR0FBSUc7WUFDaEUsSUFBSUYsSUFBSSxLQUFLRCxJQUFJLEtBQUtSLENBQUMsQ0FBQ1MsSUFBSSxFQUFFLEtBQUtSLENBQUMsQ0FBQ08sSUFBSSxFQUFFLElBQUlSLENBQUMsQ0FBQ1MsSUFBSSxFQUFFLEtBQUtSLENBQUMsQ0FBQ08sSUFBSSxFQUFFLEVBQ2xFRSxHQUFHLENBQUNGLEVBQUUsR0FBR0ksS0FBS0MsR0FBRyxDQUFDSCxHQUFHLENBQUNGLEVBQUUsRUFBR04sTUFBTSxDQUFDTSxJQUFJLEVBQUUsR0FBSTtRQUNoRDtRQUNBTixTQUFTQztRQUNUQSxPQUFPTztJQUNUO0lBQ0EsT0FBT1AsSUFBSSxDQUFDRixFQUFFSyxNQUFNLENBQUM7QUFDdkI7QUFNTyxTQUFTUCxZQUFZZSxJQUFZLEVBQUVDLEtBQXdCO0lBQ2hFLElBQUlELEtBQUtSLE1BQU0sR0FBRyxLQUFLLE9BQU9VO0lBQzlCLE1BQU1DLFFBQVEsQ0FBQ0MsT0FBaUJBLEtBQUtDLFdBQVcsR0FBR0MsT0FBTyxDQUFDLFVBQVU7SUFDckUsTUFBTUMsU0FBU04sTUFDWk8sR0FBRyxDQUFDLENBQUNDLFlBQWUsQ0FBQTtZQUFFQTtZQUFXQyxVQUFVMUIsYUFBYW1CLE1BQU1ILE9BQU9HLE1BQU1NO1FBQVksQ0FBQSxHQUN2RkUsSUFBSSxDQUFDLENBQUN6QixHQUFHQyxJQUFNRCxFQUFFd0IsUUFBUSxHQUFHdkIsRUFBRXVCLFFBQVEsSUFBS3hCLENBQUFBLEVBQUV1QixTQUFTLEdBQUd0QixFQUFFc0IsU0FBUyxHQUFHLENBQUMsSUFBSSxDQUFBO0lBQy9FLE1BQU1HLE9BQU9MLE1BQU0sQ0FBQyxFQUFFO0lBQ3RCLElBQUlLLFNBQVNWLFdBQVcsT0FBT0E7SUFDL0IsT0FBT1UsS0FBS0YsUUFBUSxJQUFJWixLQUFLZSxHQUFHLENBQUMsR0FBR2YsS0FBS2dCLEtBQUssQ0FBQ2hCLEtBQUtlLEdBQUcsQ0FBQ2IsS0FBS1IsTUFBTSxFQUFFb0IsS0FBS0gsU0FBUyxDQUFDakIsTUFBTSxJQUFJLE1BQzFGb0IsS0FBS0gsU0FBUyxHQUNkUDtBQUNOIn0=