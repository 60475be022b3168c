package main

import (
	"context"
	"slices"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/cloud-provider/service/helpers"
	"k8s.io/klog/v2"
)

// serviceLB is the load balancer of the cloud `k3s`.
type serviceLB struct {
	client kubernetes.Interface
	pods   corelisters.PodLister
	nodes  corelisters.NodeLister
	// Services whose status may have to change.
	queue workqueue.TypedRateLimitingInterface[cache.ObjectName]
}

// newServiceLB looks at a Service when one of its svclb Pods changes and, whoever serves the Service,
// when one of its EndpointSlices does.
func newServiceLB(client kubernetes.Interface, shared informers.SharedInformerFactory) *serviceLB {
	lb := &serviceLB{
		client: client,
		pods:   shared.Core().V1().Pods().Lister(),
		nodes:  shared.Core().V1().Nodes().Lister(),
		queue:  workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[cache.ObjectName]()),
	}
	lb.follow(shared.Core().V1().Pods().Informer(), func(pod meta.Object) cache.ObjectName {
		return cache.NewObjectName(pod.GetLabels()[namespaceLabel], pod.GetLabels()[nameLabel])
	})
	lb.follow(shared.Discovery().V1().EndpointSlices().Informer(), func(slice meta.Object) cache.ObjectName {
		return cache.NewObjectName(slice.GetNamespace(), slice.GetLabels()[discovery.LabelServiceName])
	})
	return lb
}

func (lb *serviceLB) follow(informer cache.SharedInformer, serviceOf func(meta.Object) cache.ObjectName) {
	add := func(changed any) {
		if object, ok := changed.(meta.Object); ok {
			if service := serviceOf(object); service.Name != "" {
				lb.queue.Add(service)
			}
		}
	}
	handler := cache.ResourceEventHandlerFuncs{AddFunc: add, UpdateFunc: func(_, changed any) { add(changed) }}
	if _, err := informer.AddEventHandler(handler); err != nil {
		klog.Fatal(err)
	}
}

func (lb *serviceLB) run(ctx context.Context) {
	go func() {
		<-ctx.Done()
		lb.queue.ShutDown()
	}()
	for {
		service, isShutDown := lb.queue.Get()
		if isShutDown {
			return
		}
		if err := lb.updateStatus(ctx, service); err != nil {
			klog.Errorf("status of %s: %v", service, err)
			lb.queue.AddRateLimited(service)
		} else {
			lb.queue.Forget(service)
		}
		lb.queue.Done(service)
	}
}

// updateStatus writes the addresses of the nodes with a ready svclb Pod of the Service: none, where
// the Service has a class and so no such Pod. As in K3s, only the type is asked for.
func (lb *serviceLB) updateStatus(ctx context.Context, name cache.ObjectName) error {
	service, err := lb.client.CoreV1().Services(name.Namespace).Get(ctx, name.Name, meta.GetOptions{})
	if errors.IsNotFound(err) || err == nil && service.Spec.Type != core.ServiceTypeLoadBalancer {
		return nil
	}
	if err != nil {
		return err
	}
	changed := service.DeepCopy()
	if changed.Status.LoadBalancer, err = lb.statusOf(service); err != nil {
		return err
	}
	if helpers.LoadBalancerStatusEqual(&service.Status.LoadBalancer, &changed.Status.LoadBalancer) {
		return nil
	}
	klog.Infof("status of %s: %v", name, changed.Status.LoadBalancer.Ingress)
	_, err = helpers.PatchService(lb.client.CoreV1(), service, changed)
	return err
}

func (lb *serviceLB) statusOf(service *core.Service) (core.LoadBalancerStatus, error) {
	selector := labels.SelectorFromSet(labels.Set{nameLabel: service.Name, namespaceLabel: service.Namespace})
	pods, err := lb.pods.Pods(namespace).List(selector)
	if err != nil {
		return core.LoadBalancerStatus{}, err
	}
	var addresses []string
	for _, pod := range pods {
		node, err := lb.nodes.Get(pod.Spec.NodeName)
		if err != nil || !isReady(pod) {
			continue
		}
		for _, address := range node.Status.Addresses {
			if address.Type == core.NodeInternalIP {
				addresses = append(addresses, address.Address)
			}
		}
	}
	slices.Sort(addresses)
	status := core.LoadBalancerStatus{}
	for _, address := range slices.Compact(addresses) {
		status.Ingress = append(status.Ingress, core.LoadBalancerIngress{IP: address})
	}
	return status, nil
}

func isReady(pod *core.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(condition core.PodCondition) bool {
		return condition.Type == core.PodReady && condition.Status == core.ConditionTrue
	})
}
