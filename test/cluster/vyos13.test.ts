import { vyos13 } from "./vyos.ts";
import { wholeScenario } from "./whole-scenario.ts";

/** Both in one run: the router knows nothing of what becomes of a packet behind the node. */
wholeScenario("the router as VyOS 1.3 configures it, kube-proxy in iptables mode", {
  id: "vyos13",
  proxyMode: "iptables",
  router: { config: vyos13 },
});
