package service

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/shared/status"
)

// done is the answer to a request that succeeded and has no result.
const done = `{"ok":true}`

func (s *Service) info(_ context.Context, r *request) {
	if s.admit(r, &s.limits.info) {
		s.respondInfo(r)
	}
}

func (s *Service) respondInfo(r *request) {
	data, err := json.Marshal(s.camera.Info())
	if err != nil {
		r.fail("500", err)
		return
	}
	r.respond(data)
}

// wake starts the camera. Wakes are not limited: they cost nothing, and those of the hub must get through. Only answers
// are limited.
func (s *Service) wake(_ context.Context, r *request) {
	s.camera.Wake()
	if r.reply != "" && s.admit(r, &s.limits.acts) {
		r.respond([]byte(done))
	}
}

// keyFrame requests a key frame from the encoder. The camera itself limits how often it does so.
func (s *Service) keyFrame(_ context.Context, r *request) {
	err := s.camera.RequestKeyFrame()
	switch {
	case r.reply == "" || !s.admit(r, &s.limits.acts):
	case err != nil:
		r.fail(code(err), err)
	default:
		r.respond([]byte(done))
	}
}

// configure changes settings and answers as info does, with the new values.
func (s *Service) configure(_ context.Context, r *request) {
	if !s.admit(r, &s.limits.configure) {
		return
	}
	settings, err := status.DecodeSettings(r.data)
	if err != nil {
		r.fail("400", err)
		return
	}
	if err := s.camera.Configure(settings); err != nil {
		r.fail(code(err), err)
		return
	}
	s.log.Info("settings changed", "settings", string(r.data))
	s.respondInfo(r)
}

// code returns the error code of a camera's error, as in HTTP.
func code(err error) string {
	switch {
	case errors.Is(err, ErrUnsupported):
		return "501"
	case errors.Is(err, ErrBadRequest):
		return "400"
	}
	return "500"
}

// fail answers with an error.
func (r *request) fail(code string, err error) {
	r.endpoint.failed(code + ":" + err.Error())
	header := nats.Header{micro.ErrorCodeHeader: {code}, micro.ErrorHeader: {err.Error()}}
	r.send(&nats.Msg{Subject: r.reply, Header: header})
}

// refuse answers a request beyond the limits, and says when to try again. Refusals are limited, too: beyond that there
// is no answer.
func (r *request) refuse(code string, err error, wait time.Duration) {
	s, now := r.service, time.Now()
	r.endpoint.failed(code + ":" + err.Error())
	s.excess.count(s.log, now)
	if ok, _ := s.limits.refusals.allow(requester(r.reply), now); !ok {
		return
	}
	seconds := int((wait + time.Second - 1) / time.Second)
	r.send(&nats.Msg{Subject: r.reply, Header: nats.Header{
		micro.ErrorCodeHeader: {code}, micro.ErrorHeader: {err.Error()}, retryHeader: {strconv.Itoa(max(seconds, 1))},
	}})
}

// admit reports whether one more request may be answered, and refuses it if not.
func (s *Service) admit(r *request, q *quota) bool {
	ok, wait := q.allow(requester(r.reply), time.Now())
	if !ok {
		r.refuse("429", q.err, wait)
	}
	return ok
}
