//go:build linux

package badclients

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/bramble-cam/bramble/internal/secret"
)

// requests are N clients that send requests without a pause, each for the next of the URLs, and read the whole answer.
func (g *client) requests(ctx context.Context) {
	g.clients(func(client *http.Client, n int) {
		for ; ctx.Err() == nil; n++ {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.URLs[n%len(g.URLs)], nil)
			if err == nil && g.Token != "" {
				req.Header.Set("Authorization", "Bearer "+secret.Text(g.Token).Reveal())
			}
			g.request(ctx, client, req, err)
		}
	})
}

// guesses are N clients that guess the password of a user, through a proxy that names another address for each guess.
func (g *client) guesses(ctx context.Context) {
	g.clients(func(client *http.Client, n int) {
		for ; ctx.Err() == nil; n++ {
			form := url.Values{"user": {"admin"}, "password": {fmt.Sprintf("guess number %d", n)}}
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL, strings.NewReader(form.Encode()))
			if err == nil {
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set(
					"X-Forwarded-For",
					fmt.Sprintf("10.%d.%d.%d", rand.IntN(256), rand.IntN(256), rand.IntN(256)), //nolint:gosec // no secret
				)
			}
			g.request(ctx, client, req, err)
		}
	})
}

// clients runs N clients. They begin with different numbers.
func (g *client) clients(run func(client *http.Client, n int)) {
	transport := &http.Transport{MaxIdleConnsPerHost: g.N}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var running sync.WaitGroup
	for n := range g.N {
		running.Go(func() { run(client, n) })
	}
	running.Wait()
}

// request sends a request, unless err says that there is none, and counts the answer.
func (g *client) request(ctx context.Context, client *http.Client, req *http.Request, err error) {
	var resp *http.Response
	if err == nil {
		resp, err = client.Do(req)
	}
	if err != nil {
		if ctx.Err() == nil {
			g.count(func(o *Outcome) { o.Answers[reason(err)]++ })
		}
		pause(ctx, retryPause)
		return
	}
	n, _ := io.Copy(io.Discard, resp.Body) // it ends with ctx, or as the hub likes
	_ = resp.Body.Close()
	g.count(func(o *Outcome) {
		if o.Bytes += int(n); resp.StatusCode == http.StatusOK {
			o.Answered++
		} else {
			o.Answers[resp.Status]++
		}
	})
}
