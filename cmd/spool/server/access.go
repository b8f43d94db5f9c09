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
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/sparinglog"
	"github.com/gospool/spool/pipeline/streampath"
	"github.com/gospool/spool/stages/ingest"
)

// apiAuth converts the configured access control to that of package auth.
func apiAuth(a configs.Auth) (out auth.Config) {
	out.None = a.None
	for _, u := range a.Users {
		out.Users = append(out.Users, auth.User{Name: u.Name, PasswordHash: u.PasswordHash.Reveal(), Roles: roles(u.Roles)})
	}
	for _, t := range a.Tokens {
		out.Tokens = append(out.Tokens, auth.Token{Name: t.Name, Token: t.Token.Reveal(), Roles: roles(t.Roles)})
	}
	return out
}

func roles(names []string) (out []auth.Role) {
	for _, n := range names {
		out = append(out, auth.Role(n))
	}
	return out
}

// publishers decides by ingest.auth which user may publish which path; see ingest.Authorizer.
// Its errors reach the log. They name only users that exist: people type passwords into the
// name field.
type publishers struct {
	passwords *auth.Passwords
	digests   *auth.Digests
	offers    ingest.Digests
	failures  signIns
	allowed   map[string][]streampath.Glob // paths that a user may publish, by name
}

// newPublishers returns nil if ingest.auth names no users, so that every client may publish.
func newPublishers(a configs.IngestAuth, clock pipeline.Clock, failures signIns) (ingest.Authorizer, error) {
	if len(a.Users) == 0 {
		return nil, nil
	}
	p := &publishers{failures: failures, allowed: map[string][]streampath.Glob{}}
	var hashes []auth.Credentials
	var digestOnly []string // users that have a digest and no password hash
	digests := map[string]auth.Digest{}
	for _, u := range a.Users {
		if !u.PasswordHash.Empty() {
			hashes = append(hashes, auth.Credentials{Name: u.Name, PasswordHash: u.PasswordHash.Reveal()})
		} else {
			digestOnly = append(digestOnly, u.Name)
		}
		if u.Digest != (configs.Digest{}) {
			digests[u.Name] = auth.Digest{Realm: u.Digest.Realm, MD5: u.Digest.MD5.Reveal(), SHA256: u.Digest.SHA256.Reveal()}
		}
		for _, pattern := range u.Publish {
			g, err := streampath.ParseGlob(pattern)
			if err != nil {
				return nil, err
			}
			p.allowed[u.Name] = append(p.allowed[u.Name], g)
		}
	}
	var err error
	if p.passwords, err = auth.NewPasswords(hashes, digestOnly, clock); err != nil {
		return nil, fmt.Errorf("ingest.auth.%w", err)
	}
	if p.digests, err = auth.NewDigests(digests, clock); err != nil {
		return nil, fmt.Errorf("ingest.auth: %w", err)
	}
	p.offers = ingest.Digests{
		Realm: p.digests.Realm(), MD5: p.digests.Offers(false), SHA256: p.digests.Offers(true), All: len(digests) == len(a.Users),
	}
	return p, nil
}

// Digests returns the digest algorithms and the realm that the users have. See
// ingest.DigestAuthorizer.
func (p *publishers) Digests() ingest.Digests { return p.offers }

// proves returns an error unless the credentials are those of a user. A digest is quick to
// check, and so is the password of a user with a digest: correct credentials are accepted in
// their turn even after many wrong guesses (auth.Digests). auth.Passwords limits the slow
// checks.
func (p *publishers) proves(ctx context.Context, r ingest.AccessRequest) error {
	c, seen := r.Credentials, p.failures[r.Protocol]
	hasDigest, hasHash := p.digests.Has(c.Name), p.passwords.Knows(c.Name)
	switch {
	case c.Digest != nil:
		err := p.digests.Check(ctx, seen, r.Remote, auth.Response(*c.Digest), hasDigest || hasHash)
		if errors.Is(err, auth.ErrWrong) && hasHash && !hasDigest {
			return errNoDigest
		}
		return err
	case hasDigest || !hasHash: // an unknown name is treated like a user with a digest
		if err := p.digests.CheckPassword(ctx, seen, r.Remote, c.Name, c.Password); !errors.Is(err, auth.ErrWrong) {
			return err
		}
	}
	return p.passwords.Check(ctx, seen, r.Remote, c.Name, c.Password)
}

var errNoDigest = errors.New("this server accepts only a digest, and the user has none: make one with spool passwd --digest, or let the user publish over TLS")

// Authorize accepts a publisher whose password is right and whose patterns match the path.
func (p *publishers) Authorize(ctx context.Context, r ingest.AccessRequest) error {
	c := r.Credentials
	switch {
	case r.Action != ingest.ActionPublish:
		return fmt.Errorf("ingest.auth allows no client to %s", r.Action)
	case c == ingest.Credentials{}:
		return fmt.Errorf("no name and password: write them into the URL, %s://NAME:PASSWORD@HOST/PATH", r.Protocol)
	}
	if err := p.proves(ctx, r); err != nil && (p.passwords.Knows(c.Name) || p.digests.Has(c.Name)) {
		return fmt.Errorf("%s: %w", c.Name, err)
	} else if err != nil {
		return err
	}
	if !slices.ContainsFunc(p.allowed[c.Name], func(g streampath.Glob) bool { return g.Match(r.Path) }) {
		return fmt.Errorf("%s may not publish this path: none of the user's publish patterns in ingest.auth.users matches it", c.Name)
	}
	return nil
}

// signIns counts the failed sign-ins of each server: http, or a protocol of ingest.
type signIns map[string]*auth.Failures

func newSignIns(log *slog.Logger, protocols config.Blocks) signIns {
	s := signIns{"http": auth.NewFailures(sparinglog.New(log.With("server", "http")))}
	for protocol := range protocols {
		s[protocol] = auth.NewFailures(nil) // these servers log each publisher that they refuse
	}
	return s
}

var signInFailures = prometheus.NewDesc("spool_sign_in_failures_total",
	"Failed sign-ins by reason: wrong_password, unknown_name, wrong_token, malformed, or throttled after too many failures.", []string{"server", "reason"}, nil)

// Describe implements prometheus.Collector.
func (s signIns) Describe(ch chan<- *prometheus.Desc) { ch <- signInFailures }

// Collect sends one figure for each server and reason, so that the number of series is fixed;
// see prometheus.Collector.
func (s signIns) Collect(ch chan<- prometheus.Metric) {
	for server, failures := range s {
		failures.Each(func(reason auth.Reason, n uint64) {
			ch <- prometheus.MustNewConstMetric(signInFailures, prometheus.CounterValue, float64(n), server, string(reason))
		})
	}
}
