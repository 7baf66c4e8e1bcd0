import compat from "eslint-plugin-compat";

export default [
  { ignores: ["static/vendor/**"] },
  { ...compat.configs["flat/recommended"], files: ["static/*.js"], languageOptions: { ecmaVersion: 2021, sourceType: "module" } },
];
