import { vyos14 } from "./vyos.ts";
import { wholeScenario } from "./whole-scenario.ts";

wholeScenario("the router as VyOS 1.4 configures it", {
  id: "vyos14",
  proxyMode: "nftables",
  router: { config: vyos14 },
});
