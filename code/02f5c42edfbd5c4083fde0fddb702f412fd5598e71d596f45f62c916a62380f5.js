// 62fe66813fae42e704122278e6d3d4f6135eeb32f51f2cc9df6ebb09d9bb098d
/** Problems as data: every fault of a user's input is collected first and shown together, never thrown one by one. */ "use strict";
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
    get UserError () {
        return UserError;
    },
    get exitCode () {
        return exitCode;
    },
    get formatProblem () {
        return formatProblem;
    },
    get userError () {
        return userError;
    }
});
const exitCode = {
    ok: 0,
    failed: 1,
    badInput: 2,
    unavailable: 3,
    interrupted: 130
};
let UserError = class UserError extends Error {
    problems;
    code;
    constructor(problems, code = exitCode.badInput){
        super(problems.map(formatProblem).join('\n')), this.problems = problems, this.code = code;
        this.name = 'UserError';
    }
};
function userError(problem, code = exitCode.badInput) {
    return new UserError([
        problem
    ], code);
}
/** Letters of each part of a line: names and values of strangers' files have no end of their own. */ const longestPart = 1500;
const cut = (text)=>text.length > longestPart ? `${text.slice(0, longestPart - 3)}...` : text;
function formatProblem(problem) {
    const parts = [
        `${cut(problem.where)}: ${cut(problem.what)}`
    ];
    if (problem.expected !== undefined) parts.push(`expected ${cut(problem.expected)}`);
    if (problem.hint !== undefined) parts.push(cut(problem.hint));
    return parts.join('; ');
}

//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbIi93b3JrL3d0L2xlYWQvc3JjL3Byb2JsZW1zLnRzIl0sInNvdXJjZXNDb250ZW50IjpbIi8qKiBQcm9ibGVtcyBhcyBkYXRhOiBldmVyeSBmYXVsdCBvZiBhIHVzZXIncyBpbnB1dCBpcyBjb2xsZWN0ZWQgZmlyc3QgYW5kIHNob3duIHRvZ2V0aGVyLCBuZXZlciB0aHJvd24gb25lIGJ5IG9uZS4gKi9cblxuZXhwb3J0IGludGVyZmFjZSBQcm9ibGVtIHtcbiAgLyoqIGZpbGUgYW5kIHBsYWNlIGluc2lkZSBpdCwgZS5nLiBgZXhwZXJpbWVudHMvcXVpY2tzdGFydC5qc29uIC9heGVzL2VuY29kZXIvMGAgKi9cbiAgd2hlcmU6IHN0cmluZztcbiAgLyoqIHdoYXQgaXMgd3JvbmcsIHdpdGggdGhlIHZhbHVlIGZvdW5kICovXG4gIHdoYXQ6IHN0cmluZztcbiAgLyoqIHdoYXQgd2FzIGV4cGVjdGVkICovXG4gIGV4cGVjdGVkPzogc3RyaW5nO1xuICAvKiogbmVhcmVzdCB2YWxpZCBuYW1lLCBvciB0aGUgY29tbWFuZCB0aGF0IG1lbmRzIGl0ICovXG4gIGhpbnQ/OiBzdHJpbmc7XG59XG5cbi8qKiBFeGl0IGNvZGVzIG9mIHRoZSBgZXF1aXBvaXNlYCBjb21tYW5kLiAqL1xuZXhwb3J0IGNvbnN0IGV4aXRDb2RlID0geyBvazogMCwgZmFpbGVkOiAxLCBiYWRJbnB1dDogMiwgdW5hdmFpbGFibGU6IDMsIGludGVycnVwdGVkOiAxMzAgfSBhcyBjb25zdDtcblxuLyoqIEFuIGVycm9yIHdob3NlIG1lc3NhZ2UgaXMgbWVhbnQgZm9yIGEgcGVyc29uOyB0aGUgY29tbWFuZCBsaW5lIHByaW50cyBpdCB3aXRob3V0IGEgc3RhY2sgdHJhY2UuICovXG5leHBvcnQgY2xhc3MgVXNlckVycm9yIGV4dGVuZHMgRXJyb3Ige1xuICBjb25zdHJ1Y3RvcihcbiAgICByZWFkb25seSBwcm9ibGVtczogUHJvYmxlbVtdLFxuICAgIHJlYWRvbmx5IGNvZGU6IG51bWJlciA9IGV4aXRDb2RlLmJhZElucHV0LFxuICApIHtcbiAgICBzdXBlcihwcm9ibGVtcy5tYXAoZm9ybWF0UHJvYmxlbSkuam9pbignXFxuJykpO1xuICAgIHRoaXMubmFtZSA9ICdVc2VyRXJyb3InO1xuICB9XG59XG5cbi8qKiBBIFVzZXJFcnJvciB3aXRoIGEgc2luZ2xlIHByb2JsZW0uICovXG5leHBvcnQgZnVuY3Rpb24gdXNlckVycm9yKHByb2JsZW06IFByb2JsZW0sIGNvZGU6IG51bWJlciA9IGV4aXRDb2RlLmJhZElucHV0KTogVXNlckVycm9yIHtcbiAgcmV0dXJuIG5ldyBVc2VyRXJyb3IoW3Byb2JsZW1dLCBjb2RlKTtcbn1cblxuLyoqIExldHRlcnMgb2YgZWFjaCBwYXJ0IG9mIGEgbGluZTogbmFtZXMgYW5kIHZhbHVlcyBvZiBzdHJhbmdlcnMnIGZpbGVzIGhhdmUgbm8gZW5kIG9mIHRoZWlyIG93bi4gKi9cbmNvbnN0IGxvbmdlc3RQYXJ0ID0gMTUwMDtcblxuY29uc3QgY3V0ID0gKHRleHQ6IHN0cmluZyk6IHN0cmluZyA9PiAodGV4dC5sZW5ndGggPiBsb25nZXN0UGFydCA/IGAke3RleHQuc2xpY2UoMCwgbG9uZ2VzdFBhcnQgLSAzKX0uLi5gIDogdGV4dCk7XG5cbi8qKiBPbmUgbGluZSBmb3Igb25lIHByb2JsZW06IGB3aGVyZTogd2hhdDsgZXhwZWN0ZWQgLi4uOyBoaW50YC4gKi9cbmV4cG9ydCBmdW5jdGlvbiBmb3JtYXRQcm9ibGVtKHByb2JsZW06IFByb2JsZW0pOiBzdHJpbmcge1xuICBjb25zdCBwYXJ0cyA9IFtgJHtjdXQocHJvYmxlbS53aGVyZSl9OiAke2N1dChwcm9ibGVtLndoYXQpfWBdO1xuICBpZiAocHJvYmxlbS5leHBlY3RlZCAhPT0gdW5kZWZpbmVkKSBwYXJ0cy5wdXNoKGBleHBlY3RlZCAke2N1dChwcm9ibGVtLmV4cGVjdGVkKX1gKTtcbiAgaWYgKHByb2JsZW0uaGludCAhPT0gdW5kZWZpbmVkKSBwYXJ0cy5wdXNoKGN1dChwcm9ibGVtLmhpbnQpKTtcbiAgcmV0dXJuIHBhcnRzLmpvaW4oJzsgJyk7XG59XG4iXSwibmFtZXMiOlsiVXNlckVycm9yIiwiZXhpdENvZGUiLCJmb3JtYXRQcm9ibGVtIiwidXNlckVycm9yIiwib2siLCJmYWlsZWQiLCJiYWRJbnB1dCIsInVuYXZhaWxhYmxlIiwiaW50ZXJydXB0ZWQiLCJFcnJvciIsInByb2JsZW1zIiwiY29kZSIsIm1hcCIsImpvaW4iLCJuYW1lIiwicHJvYmxlbSIsImxvbmdlc3RQYXJ0IiwiY3V0IiwidGV4dCIsImxlbmd0aCIsInNsaWNlIiwicGFydHMiLCJ3aGVyZSIsIndoYXQiLCJleHBlY3RlZCIsInVuZGVmaW5lZCIsInB1c2giLCJoaW50Il0sIm1hcHBpbmdzIjoiQUFBQSxvSEFBb0g7Ozs7Ozs7Ozs7O1FBaUJ2R0E7ZUFBQUE7O1FBSEFDO2VBQUFBOztRQXdCR0M7ZUFBQUE7O1FBVkFDO2VBQUFBOzs7QUFkVCxNQUFNRixXQUFXO0lBQUVHLElBQUk7SUFBR0MsUUFBUTtJQUFHQyxVQUFVO0lBQUdDLGFBQWE7SUFBR0MsYUFBYTtBQUFJO0FBR25GLElBQUEsQUFBTVIsWUFBTixNQUFNQSxrQkFBa0JTOzs7SUFDN0IsWUFDRSxBQUFTQyxRQUFtQixFQUM1QixBQUFTQyxPQUFlVixTQUFTSyxRQUFRLENBQ3pDO1FBQ0EsS0FBSyxDQUFDSSxTQUFTRSxHQUFHLENBQUNWLGVBQWVXLElBQUksQ0FBQyxhQUg5QkgsV0FBQUEsZUFDQUMsT0FBQUE7UUFHVCxJQUFJLENBQUNHLElBQUksR0FBRztJQUNkO0FBQ0Y7QUFHTyxTQUFTWCxVQUFVWSxPQUFnQixFQUFFSixPQUFlVixTQUFTSyxRQUFRO0lBQzFFLE9BQU8sSUFBSU4sVUFBVTtRQUFDZTtLQUFRLEVBQUVKO0FBQ2xDO0FBRUEsbUdBQW1HLEdBQ25HLE1BQU1LLGNBQWM7QUFFcEIsTUFBTUMsTUFBTSxDQUFDQyxPQUEwQkEsS0FBS0MsTUFBTSxHQUFHSCxjQUFjLEdBQUdFLEtBQUtFLEtBQUssQ0FBQyxHQUFHSixjQUFjLEdBQUcsR0FBRyxDQUFDLEdBQUdFO0FBR3JHLFNBQVNoQixjQUFjYSxPQUFnQjtJQUM1QyxNQUFNTSxRQUFRO1FBQUMsR0FBR0osSUFBSUYsUUFBUU8sS0FBSyxFQUFFLEVBQUUsRUFBRUwsSUFBSUYsUUFBUVEsSUFBSSxHQUFHO0tBQUM7SUFDN0QsSUFBSVIsUUFBUVMsUUFBUSxLQUFLQyxXQUFXSixNQUFNSyxJQUFJLENBQUMsQ0FBQyxTQUFTLEVBQUVULElBQUlGLFFBQVFTLFFBQVEsR0FBRztJQUNsRixJQUFJVCxRQUFRWSxJQUFJLEtBQUtGLFdBQVdKLE1BQU1LLElBQUksQ0FBQ1QsSUFBSUYsUUFBUVksSUFBSTtJQUMzRCxPQUFPTixNQUFNUixJQUFJLENBQUM7QUFDcEIifQ==