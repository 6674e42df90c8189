package service

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/nats-io/nuid"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// discovery answers the questions to all micro services, to those named "camera", or to this one.
type discovery struct {
	identity    micro.ServiceIdentity
	description string
	started     time.Time
	endpoints   []*endpoint
}

func newDiscovery(st status.Status, space subject.Space, endpoints []*endpoint) discovery {
	return discovery{
		identity: micro.ServiceIdentity{
			Name: subject.Service, ID: nuid.Next(), Version: st.Agent,
			Metadata: map[string]string{"camera": st.Camera, "host": st.Host, "format": string(st.Format),
				"root": space.Root()},
		},
		description: fmt.Sprintf("camera %s on %s", st.Camera, st.Host),
		started:     time.Now().UTC(),
		endpoints:   endpoints,
	}
}

// questions returns the function that answers each subject of ADR-32.
func (d *discovery) questions() map[string]func() any {
	all := make(map[string]func() any)
	answers := map[micro.Verb]func() any{micro.PingVerb: d.ping, micro.InfoVerb: d.info, micro.StatsVerb: d.stats}
	for verb, answer := range answers {
		subj := micro.APIPrefix + "." + verb.String()
		all[subj] = answer
		all[subj+"."+subject.Service] = answer
		all[subj+"."+subject.Service+"."+d.identity.ID] = answer
	}
	return all
}

func (d *discovery) ping() any {
	return micro.Ping{ServiceIdentity: d.identity, Type: micro.PingResponseType}
}

func (d *discovery) info() any {
	info := micro.Info{ServiceIdentity: d.identity, Type: micro.InfoResponseType, Description: d.description}
	for _, e := range d.endpoints {
		info.Endpoints = append(info.Endpoints, micro.EndpointInfo{Name: string(e.verb), Subject: e.subject})
	}
	return info
}

func (d *discovery) stats() any {
	stats := micro.Stats{ServiceIdentity: d.identity, Type: micro.StatsResponseType, Started: d.started}
	for _, e := range d.endpoints {
		s := e.statsNow()
		each := &micro.EndpointStats{
			Name: string(e.verb), Subject: e.subject,
			NumRequests: s.requests, NumErrors: s.errors, LastError: s.lastError, ProcessingTime: s.time,
		}
		if s.requests > 0 {
			each.AverageProcessingTime = s.time / time.Duration(s.requests)
		}
		stats.Endpoints = append(stats.Endpoints, each)
	}
	return stats
}

// discover answers a question of discovery. ADR-32 has no error for it, so a question beyond the limit gets no answer.
func (s *Service) discover(msg *nats.Msg, answer func() any) {
	if msg.Reply == "" || s.space.Owns(msg.Reply) || strings.HasPrefix(msg.Reply, "$") {
		return
	}
	now := time.Now()
	if ok, _ := s.limits.discovery.allow(requester(msg.Reply), now); !ok {
		s.excess.count(s.log, now)
		return
	}
	data, err := json.Marshal(answer())
	if err == nil {
		err = s.publish(&nats.Msg{Subject: msg.Reply, Data: data})
	}
	if err != nil {
		s.log.Warn("answer not sent", logkey.Subject, msg.Subject, logkey.Err, err)
	}
}

// stats are an endpoint's numbers, as ADR-32 defines them.
type stats struct {
	requests, errors int
	lastError        string
	time             time.Duration
}

func (e *endpoint) statsNow() stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stats
}

// count counts a request that took a time.
func (e *endpoint) count(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stats.requests++
	e.stats.time += d
}

// failed counts a request that was answered with an error, or not at all.
func (e *endpoint) failed(err string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stats.errors++
	e.stats.lastError = err
}
