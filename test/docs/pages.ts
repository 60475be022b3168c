/** The pages whose commands are run in a lab, in this order: each leaves it as it found it. */
export const pages: readonly string[] = [
  "README.md",
  "docs/install.md",
  "docs/tour.md",
  "docs/configure.md",
  "docs/configuration.md",
  "docs/routers.md",
  "docs/explain.md",
  "docs/troubleshoot.md",
  "docs/operate.md",
  "docs/metrics.md",
  "docs/design.md",
  "docs/standards.md",
];

/**
 * Pages of figures and of topics, if they are there, whose commands have a test of their own. A bench
 * takes minutes to an hour and judges nothing: of it, test/docs checks the flags.
 */
export const pagesOfOtherTests: Readonly<Record<string, { readonly file: string }>> = {
  "docs/migrate.md": { file: "test/cluster/migration.test.ts" },
  "docs/failover.md": { file: "test/cluster/failover.test.ts" },
  "docs/security.md": { file: "test/cluster/rbac.test.ts" },
  "docs/scale.md": { file: "bench/main.ts" },
  "docs/peers.md": { file: "bench/main.ts" },
  "docs/interop.md": { file: "test/lab/interop/matrix.test.ts" },
  "docs/performance.md": { file: "bench/main.ts" },
};
