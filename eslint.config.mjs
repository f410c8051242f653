import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'results/', 'paper-figures/'] },
  ...tseslint.configs.recommended,
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  {
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-properties': [
        'error',
        {
          object: 'Math',
          property: 'random',
          message: 'Use src/random.ts: results must be a function of the seed.',
        },
      ],
      eqeqeq: 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CallExpression[callee.name="expect"] > CallExpression.arguments[callee.property.name="every"]',
          message: 'An empty list passes: use expectEvery of testing/lists.ts.',
        },
        {
          selector:
            'CallExpression[callee.property.name="forEach"][callee.object.callee.name!="notEmpty"][callee.object.type!=/^(ArrayExpression|TSAsExpression)$/] CallExpression[callee.name="expect"]',
          message: 'An empty list passes: loop over notEmpty(list) of testing/lists.ts.',
        },
      ],
    },
  },
);
