// Command servicelb stands in for ServiceLB, the load balancer that K3s brings along. K3s itself is
// not served where this tree is built, so this program is what K3s makes of it: Kubernetes' own
// service controller (k8s.io/cloud-provider), which decides which Services are its own, sets the
// finalizer and tells when one changes; and behind it a cloud that answers as ServiceLB does, written
// for this test after what pkg/cloudprovider of K3s did at commit 5ec454f50e7a.
//
//	servicelb --kubeconfig FILE             serves until SIGTERM
//	servicelb --kubeconfig FILE --disable   does what K3s does when it starts with --disable=servicelb
package main

import (
	"context"
	"flag"
	"os/signal"
	"syscall"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/cloud-provider/controllers/service"
	"k8s.io/component-base/featuregate"
	"k8s.io/component-base/metrics/prometheus/controllers"
	"k8s.io/klog/v2"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	disable := flag.Bool("disable", false, "delete what ServiceLB made, and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig, *disable); err != nil {
		klog.Fatal(err)
	}
}

func run(ctx context.Context, kubeconfig string, disable bool) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if disable {
		return deleteDaemonSets(ctx, client)
	}
	shared := informers.NewSharedInformerFactory(client, 0)
	lb := newServiceLB(client, shared)
	controller, err := service.New(lb, client, shared.Core().V1().Services(), shared.Core().V1().Nodes(),
		"kubernetes", featuregate.NewFeatureGate())
	if err != nil {
		return err
	}
	shared.Start(ctx.Done())
	shared.WaitForCacheSync(ctx.Done())
	go lb.run(ctx)
	controller.Run(ctx, 1, controllers.NewControllerManagerMetrics("servicelb"))
	return nil
}
