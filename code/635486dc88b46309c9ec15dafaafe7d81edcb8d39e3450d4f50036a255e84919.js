// 1e76a5698757eef1018a8388c5f680b812c411ecacd8ff82dfadc08e092705c5
"use strict";
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
    get printable () {
        return printable;
    },
    get printableLines () {
        return printableLines;
    },
    get show () {
        return show;
    }
});
/** Text from outside (run.json of others, crates, file names, processes) made safe for a terminal. */ /**
 * What a terminal obeys or does not show: control characters (C0, DEL and C1, ANSI escapes among them), format
 * characters (direction overrides, zero-width characters, tags) and separators of lines and paragraphs.
 */ const obeyed = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
function printable(text) {
    return text.replace(obeyed, escaped);
}
function printableLines(text) {
    return text.replace(obeyed, (character)=>character === '\n' ? character : escaped(character));
}
function escaped(character) {
    return Array.from({
        length: character.length
    }, (_, i)=>`\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');
}
function show(value) {
    const text = JSON.stringify(value) ?? 'nothing';
    return printable(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbIi93b3JrL3d0L2xlYWQvc3JjL3ByaW50YWJsZS50cyJdLCJzb3VyY2VzQ29udGVudCI6WyIvKiogVGV4dCBmcm9tIG91dHNpZGUgKHJ1bi5qc29uIG9mIG90aGVycywgY3JhdGVzLCBmaWxlIG5hbWVzLCBwcm9jZXNzZXMpIG1hZGUgc2FmZSBmb3IgYSB0ZXJtaW5hbC4gKi9cblxuLyoqXG4gKiBXaGF0IGEgdGVybWluYWwgb2JleXMgb3IgZG9lcyBub3Qgc2hvdzogY29udHJvbCBjaGFyYWN0ZXJzIChDMCwgREVMIGFuZCBDMSwgQU5TSSBlc2NhcGVzIGFtb25nIHRoZW0pLCBmb3JtYXRcbiAqIGNoYXJhY3RlcnMgKGRpcmVjdGlvbiBvdmVycmlkZXMsIHplcm8td2lkdGggY2hhcmFjdGVycywgdGFncykgYW5kIHNlcGFyYXRvcnMgb2YgbGluZXMgYW5kIHBhcmFncmFwaHMuXG4gKi9cbmNvbnN0IG9iZXllZCA9IC9bXFxwe0NjfVxccHtDZn1cXHB7Wmx9XFxwe1pwfV0vZ3U7XG5cbi8qKlxuICogVGhlIHRleHQgb24gb25lIGxpbmUsIHdpdGggYFxcdVhYWFhgIGZvciBldmVyeSBVVEYtMTYgdW5pdCBvZiBhIGNoYXJhY3RlciB0aGF0IGEgdGVybWluYWwgd291bGQgb2JleSBvciBoaWRlOiB2YWxpZFxuICogaW5zaWRlIEpTT04sIHRvby5cbiAqL1xuZXhwb3J0IGZ1bmN0aW9uIHByaW50YWJsZSh0ZXh0OiBzdHJpbmcpOiBzdHJpbmcge1xuICByZXR1cm4gdGV4dC5yZXBsYWNlKG9iZXllZCwgZXNjYXBlZCk7XG59XG5cbi8qKiBBcyBgcHJpbnRhYmxlYCwgZm9yIHRleHQgb2Ygc2V2ZXJhbCBsaW5lczogbGluZSBmZWVkcyBzdGF5LiAqL1xuZXhwb3J0IGZ1bmN0aW9uIHByaW50YWJsZUxpbmVzKHRleHQ6IHN0cmluZyk6IHN0cmluZyB7XG4gIHJldHVybiB0ZXh0LnJlcGxhY2Uob2JleWVkLCAoY2hhcmFjdGVyKSA9PiAoY2hhcmFjdGVyID09PSAnXFxuJyA/IGNoYXJhY3RlciA6IGVzY2FwZWQoY2hhcmFjdGVyKSkpO1xufVxuXG5mdW5jdGlvbiBlc2NhcGVkKGNoYXJhY3Rlcjogc3RyaW5nKTogc3RyaW5nIHtcbiAgcmV0dXJuIEFycmF5LmZyb20oXG4gICAgeyBsZW5ndGg6IGNoYXJhY3Rlci5sZW5ndGggfSxcbiAgICAoXywgaSkgPT4gYFxcXFx1JHtjaGFyYWN0ZXIuY2hhckNvZGVBdChpKS50b1N0cmluZygxNikucGFkU3RhcnQoNCwgJzAnKX1gLFxuICApLmpvaW4oJycpO1xufVxuXG4vKipcbiAqIEEgdmFsdWUgb2YgYSBmaWxlIGZyb20gb3V0c2lkZSBpbiBhIG1lc3NhZ2U6IHNob3J0LCBvbiBvbmUgbGluZSwgd2l0aG91dCBjb250cm9sIG9yIGRpcmVjdGlvbiBjaGFyYWN0ZXJzOyBvbmUgdGhhdCBpc1xuICogbm90IHRoZXJlIGlzIGBub3RoaW5nYC5cbiAqL1xuZXhwb3J0IGZ1bmN0aW9uIHNob3codmFsdWU6IHVua25vd24pOiBzdHJpbmcge1xuICBjb25zdCB0ZXh0ID0gSlNPTi5zdHJpbmdpZnkodmFsdWUpID8/ICdub3RoaW5nJztcbiAgcmV0dXJuIHByaW50YWJsZSh0ZXh0Lmxlbmd0aCA+IDgwID8gYCR7dGV4dC5zbGljZSgwLCA3Nyl9Li4uYCA6IHRleHQpO1xufVxuIl0sIm5hbWVzIjpbInByaW50YWJsZSIsInByaW50YWJsZUxpbmVzIiwic2hvdyIsIm9iZXllZCIsInRleHQiLCJyZXBsYWNlIiwiZXNjYXBlZCIsImNoYXJhY3RlciIsIkFycmF5IiwiZnJvbSIsImxlbmd0aCIsIl8iLCJpIiwiY2hhckNvZGVBdCIsInRvU3RyaW5nIiwicGFkU3RhcnQiLCJqb2luIiwidmFsdWUiLCJKU09OIiwic3RyaW5naWZ5Iiwic2xpY2UiXSwibWFwcGluZ3MiOiI7Ozs7Ozs7Ozs7O1FBWWdCQTtlQUFBQTs7UUFLQUM7ZUFBQUE7O1FBZUFDO2VBQUFBOzs7QUFoQ2hCLG9HQUFvRyxHQUVwRzs7O0NBR0MsR0FDRCxNQUFNQyxTQUFTO0FBTVIsU0FBU0gsVUFBVUksSUFBWTtJQUNwQyxPQUFPQSxLQUFLQyxPQUFPLENBQUNGLFFBQVFHO0FBQzlCO0FBR08sU0FBU0wsZUFBZUcsSUFBWTtJQUN6QyxPQUFPQSxLQUFLQyxPQUFPLENBQUNGLFFBQVEsQ0FBQ0ksWUFBZUEsY0FBYyxPQUFPQSxZQUFZRCxRQUFRQztBQUN2RjtBQUVBLFNBQVNELFFBQVFDLFNBQWlCO0lBQ2hDLE9BQU9DLE1BQU1DLElBQUksQ0FDZjtRQUFFQyxRQUFRSCxVQUFVRyxNQUFNO0lBQUMsR0FDM0IsQ0FBQ0MsR0FBR0MsSUFBTSxDQUFDLEdBQUcsRUFBRUwsVUFBVU0sVUFBVSxDQUFDRCxHQUFHRSxRQUFRLENBQUMsSUFBSUMsUUFBUSxDQUFDLEdBQUcsTUFBTSxFQUN2RUMsSUFBSSxDQUFDO0FBQ1Q7QUFNTyxTQUFTZCxLQUFLZSxLQUFjO0lBQ2pDLE1BQU1iLE9BQU9jLEtBQUtDLFNBQVMsQ0FBQ0YsVUFBVTtJQUN0QyxPQUFPakIsVUFBVUksS0FBS00sTUFBTSxHQUFHLEtBQUssR0FBR04sS0FBS2dCLEtBQUssQ0FBQyxHQUFHLElBQUksR0FBRyxDQUFDLEdBQUdoQjtBQUNsRSJ9