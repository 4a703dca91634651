/** The layers of docs/architecture.md, top to bottom: a file may import its own layer and the ones below. */
const layers = [
  ["^ops/"],
  ["^lib/(report|watch|plan)/"],
  ["^lib/(datasets|queue|hosts|store|ledger|sources|notify|doctor)/"],
  ["^lib/(config|native|command)/"],
  ["^lib/model/"],
];

const downward = layers.slice(1).map((lower, index) => ({
  name: `no-import-upward-${index + 1}`,
  severity: "error",
  comment: `imports point downward: ${lower.join(" ")} must not know the layers above`,
  from: { path: lower },
  to: { path: layers.slice(0, index + 1).flat() },
}));

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...downward,
    { name: "no-cycles", severity: "error", comment: "no cycles", from: {}, to: { circular: true } },
    {
      name: "model-is-pure",
      severity: "error",
      comment: "model imports nothing but itself",
      from: { path: "^lib/model/" },
      to: { pathNot: "^lib/model/" },
    },
    {
      name: "lib-does-not-know-tests",
      severity: "error",
      comment: "tests, benchmarks and scripts are leaves",
      from: { path: "^(lib|ops)/" },
      to: { path: "^(test|bench|scripts|bin)/" },
    },
    {
      name: "config-does-not-know-command",
      severity: "error",
      comment: "lib/command sits on lib/config; the addon's face needs neither",
      from: { path: "^lib/(config|native)/" },
      to: { path: "^lib/command/" },
    },
    {
      name: "addon-behind-lib-native",
      severity: "error",
      comment: "only lib/native loads the addon",
      from: { pathNot: "^(lib/native|native)/" },
      to: { path: "(^native/|\\.node$)" },
    },
    {
      name: "resolvable",
      severity: "error",
      comment: "an import that resolves to nothing",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "declared-dependencies",
      severity: "error",
      comment: "a program may only import what package.json declares under dependencies",
      from: { path: "^(lib|ops|bin)/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    },
  ],
  options: {
    doNotFollow: { path: ["node_modules"] },
    exclude: { path: ["^native/target", "^bench/data"] },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    // TypeScript 7 has no compiler API that this tool could use yet.
    parser: "swc",
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["node", "import", "default"] },
  },
};
