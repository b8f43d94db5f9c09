package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/sparinglog"
)

// apiAuth is the configuration's access control as the API wants it.
func apiAuth(a configs.Auth) (out auth.Config) {
	out.None = a.None
	for _, u := range a.Users {
		out.Users = append(out.Users, auth.User{Name: u.Name, PasswordHash: u.PasswordHash, Roles: roles(u.Roles)})
	}
	for _, t := range a.Tokens {
		out.Tokens = append(out.Tokens, auth.Token{Name: t.Name, Token: t.Token, Roles: roles(t.Roles)})
	}
	return out
}

func roles(names []string) (out []auth.Role) {
	for _, n := range names {
		out = append(out, auth.Role(n))
	}
	return out
}

// publishers decides who may publish what; nil lets everybody. Its errors, which reach the
// log, name a user only where that is one: people type passwords into the field above.
func publishers(a configs.IngestAuth, clock pipeline.Clock, seen *auth.Failures) (func(ctx context.Context, user, pass, path, action, remote string) error, error) {
	if len(a.Users) == 0 {
		return nil, nil
	}
	credentials := make([]auth.Credentials, len(a.Users))
	allowed := map[string][]pipeline.Glob{}
	for i, u := range a.Users {
		credentials[i] = auth.Credentials{Name: u.Name, PasswordHash: u.PasswordHash}
		for _, pattern := range u.Publish {
			g, err := pipeline.ParseGlob(pattern)
			if err != nil {
				return nil, err
			}
			allowed[u.Name] = append(allowed[u.Name], g)
		}
	}
	passwords, err := auth.NewPasswords(credentials, clock, seen)
	if err != nil {
		return nil, fmt.Errorf("ingest.auth.%w", err)
	}
	return func(ctx context.Context, user, pass, path, _, remote string) error {
		if user == "" && pass == "" {
			return errors.New("no name and password: they go into the URL, rtsp://NAME:PASSWORD@HOST/PATH")
		}
		if err := passwords.Check(ctx, remote, user, pass); err != nil && passwords.Knows(user) {
			return fmt.Errorf("%s: %w", user, err)
		} else if err != nil {
			return err
		}
		if !slices.ContainsFunc(allowed[user], func(g pipeline.Glob) bool { return g.Match(path) }) {
			return fmt.Errorf("%s may not publish this path: ingest.auth.users has no pattern for it", user)
		}
		return nil
	}, nil
}

// signIns are the sign-ins that failed, by the server at which they did.
type signIns map[string]*auth.Failures

func newSignIns(log *slog.Logger) signIns {
	return signIns{
		"http": auth.NewFailures(sparinglog.New(log.With("server", "http"))),
		"rtsp": auth.NewFailures(nil), // which logs each publisher that it refuses
	}
}

var signInFailures = prometheus.NewDesc("spool_sign_in_failures_total",
	"Sign-ins that failed: wrong_password, unknown_name, wrong_token, malformed, and throttled, which were not looked at.", []string{"server", "reason"}, nil)

// Describe sends the description; see prometheus.Collector.
func (s signIns) Describe(ch chan<- *prometheus.Desc) { ch <- signInFailures }

// Collect sends a figure for each server and reason, so that their number is fixed; see
// prometheus.Collector.
func (s signIns) Collect(ch chan<- prometheus.Metric) {
	for server, failures := range s {
		failures.Each(func(reason auth.Reason, n uint64) {
			ch <- prometheus.MustNewConstMetric(signInFailures, prometheus.CounterValue, float64(n), server, string(reason))
		})
	}
}
