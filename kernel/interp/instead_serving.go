package interp

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/godlas/godlas/kernel/interp/internal/compile"
)

// serving is the part of package net/http that cells get in versions that end
// with the cell: servers are closed, requests given up.
func (in *Interp) serving() map[string]any {
	// serve runs a server until its end, or the cell's.
	serve := func(s *http.Server, f func() error) error {
		o := &opened{run: in.m.CurrentRun(), end: func() { _ = s.Close() }}
		in.held.add(o)
		defer in.held.drop(o)
		return f()
	}
	test := func(s *httptest.Server) *httptest.Server {
		// not Close, which waits for the handlers
		in.held.add(&opened{run: in.m.CurrentRun(), end: func() {
			if s.Listener != nil {
				_ = s.Listener.Close()
			}
			_ = s.Config.Close()
		}})
		return s
	}
	do := func(c *http.Client, req *http.Request) (*http.Response, error) { return in.request(c, req) }
	get := func(c *http.Client, method, u, typ string, body io.Reader) (*http.Response, error) {
		req, err := http.NewRequestWithContext(in.m.Current(), method, u, body)
		if err != nil {
			return nil, err
		}
		if typ != "" {
			req.Header.Set("Content-Type", typ)
		}
		return c.Do(req)
	}
	const form = "application/x-www-form-urlencoded"
	return map[string]any{
		"net/http.ListenAndServe": func(addr string, h http.Handler) error {
			s := &http.Server{Addr: addr, Handler: h}
			return serve(s, s.ListenAndServe)
		},
		"net/http.ListenAndServeTLS": func(addr, cert, key string, h http.Handler) error {
			s := &http.Server{Addr: addr, Handler: h}
			return serve(s, func() error { return s.ListenAndServeTLS(cert, key) })
		},
		"net/http.Serve": func(l net.Listener, h http.Handler) error {
			s := &http.Server{Handler: h}
			return serve(s, func() error { return s.Serve(l) })
		},
		"net/http.ServeTLS": func(l net.Listener, h http.Handler, cert, key string) error {
			s := &http.Server{Handler: h}
			return serve(s, func() error { return s.ServeTLS(l, cert, key) })
		},
		"net/http.(*Server).ListenAndServe": func(s *http.Server) error { return serve(s, s.ListenAndServe) },
		"net/http.(*Server).ListenAndServeTLS": func(s *http.Server, cert, key string) error {
			return serve(s, func() error { return s.ListenAndServeTLS(cert, key) })
		},
		"net/http.(*Server).Serve": func(s *http.Server, l net.Listener) error {
			return serve(s, func() error { return s.Serve(l) })
		},
		"net/http.(*Server).ServeTLS": func(s *http.Server, l net.Listener, cert, key string) error {
			return serve(s, func() error { return s.ServeTLS(l, cert, key) })
		},
		"net/http/httptest.NewServer":    func(h http.Handler) *httptest.Server { return test(httptest.NewServer(h)) },
		"net/http/httptest.NewTLSServer": func(h http.Handler) *httptest.Server { return test(httptest.NewTLSServer(h)) },
		"net/http/httptest.NewUnstartedServer": func(h http.Handler) *httptest.Server {
			return test(httptest.NewUnstartedServer(h))
		},

		"net/http.NewRequest": func(method, u string, body io.Reader) (*http.Request, error) {
			return http.NewRequestWithContext(in.m.Current(), method, u, body)
		},
		"net/http.Get": func(u string) (*http.Response, error) { return get(http.DefaultClient, "GET", u, "", nil) },
		"net/http.Head": func(u string) (*http.Response, error) {
			return get(http.DefaultClient, "HEAD", u, "", nil)
		},
		"net/http.Post": func(u, typ string, body io.Reader) (*http.Response, error) {
			return get(http.DefaultClient, "POST", u, typ, body)
		},
		"net/http.PostForm": func(u string, v url.Values) (*http.Response, error) {
			return get(http.DefaultClient, "POST", u, form, strings.NewReader(v.Encode()))
		},
		"net/http.(*Client).Get":  func(c *http.Client, u string) (*http.Response, error) { return get(c, "GET", u, "", nil) },
		"net/http.(*Client).Head": func(c *http.Client, u string) (*http.Response, error) { return get(c, "HEAD", u, "", nil) },
		"net/http.(*Client).Post": func(c *http.Client, u, typ string, body io.Reader) (*http.Response, error) {
			return get(c, "POST", u, typ, body)
		},
		"net/http.(*Client).PostForm": func(c *http.Client, u string, v url.Values) (*http.Response, error) {
			return get(c, "POST", u, form, strings.NewReader(v.Encode()))
		},
		"net/http.(*Client).Do":           do,
		"net/http.(*Transport).RoundTrip": func(t *http.Transport, req *http.Request) (*http.Response, error) { return in.request(t, req) },
	}
}

// request sends a request that may have been made with another context than
// the cell's.
func (in *Interp) request(via any, req *http.Request) (*http.Response, error) {
	sent := req
	if req != nil {
		ctx := req.Context()
		if run := in.m.CurrentRun(); run != nil && compile.RunOf(ctx) != run {
			// not ended here: the body of the answer is read later
			ctx, _ = in.joined(ctx)
			sent = req.WithContext(ctx)
		}
	}
	var resp *http.Response
	var err error
	switch via := via.(type) {
	case *http.Client:
		resp, err = via.Do(sent)
	case *http.Transport:
		resp, err = via.RoundTrip(sent)
	}
	if resp != nil && resp.Request == sent {
		resp.Request = req
	}
	return resp, err
}
