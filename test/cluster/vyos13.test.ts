import { vyos13 } from "./vyos.ts";
import { wholeScenario } from "./whole-scenario.ts";

wholeScenario("the router as VyOS 1.3 configures it", {
  id: "vyos13",
  proxyMode: "nftables",
  router: { config: vyos13 },
});
