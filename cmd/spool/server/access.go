package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/sparinglog"
	"github.com/gospool/spool/pipeline/streampath"
	"github.com/gospool/spool/stages/ingest"
)

// apiAuth converts the setting http.auth to the Config of package auth. Its error is that of a wrong pattern.
func apiAuth(a configs.Auth) (out auth.Config, err error) {
	out.None = a.None
	for _, u := range a.Users {
		streams, err := liveStreams(u.LiveStreams)
		if err != nil {
			return out, err
		}
		out.Users = append(out.Users, auth.User{Name: u.Name, PasswordHash: u.PasswordHash.Reveal(), Roles: roles(u.Roles), Streams: streams})
	}
	for _, t := range a.Tokens {
		streams, err := liveStreams(t.LiveStreams)
		if err != nil {
			return out, err
		}
		out.Tokens = append(out.Tokens, auth.Token{Name: t.Name, Token: t.Token.Reveal(), Roles: roles(t.Roles), Streams: streams})
	}
	return out, nil
}

func liveStreams(s configs.LiveStreams) (out auth.Streams, err error) {
	if out.Play, err = streampath.ParseGlobs(s.Play); err != nil {
		return out, err
	}
	out.Publish, err = streampath.ParseGlobs(s.Publish)
	return out, err
}

// ingestReaders says which clients of the ingest servers may read streams. Without users in ingest.auth these servers know no
// client: then none may read there what users of http.auth alone may read.
func ingestReaders(c *configs.Config, gate ingest.ReaderGate) ingest.Readers {
	known := len(c.Ingest.Auth.Users) > 0 || len(c.HTTP.Auth.Users)+len(c.HTTP.Auth.Tokens) == 0
	return ingest.Readers{Allowed: c.Egress.Enable && known, Max: c.Egress.MaxReaders, Gate: gate}
}

func roles(names []string) (out []auth.Role) {
	for _, n := range names {
		out = append(out, auth.Role(n))
	}
	return out
}

// publishers decides by the setting ingest.auth which user may publish which path; it implements
// ingest.Authorizer. The text of its errors is for the log. It contains the name that a client sent
// only if a user has this name, because people type passwords into the name field.
type publishers struct {
	passwords *auth.Passwords
	digests   *auth.Digests
	offers    ingest.Digests
	failures  signIns
	allowed   map[string]map[ingest.Action]streampath.Globs // by user name: patterns of the paths
}

// newPublishers returns the Authorizer of the users in ingest.auth. It returns nil, by which every
// client may publish, if ingest.auth names no users.
func newPublishers(a configs.IngestAuth, clock pipeline.Clock, failures signIns) (ingest.Authorizer, error) {
	if len(a.Users) == 0 {
		return nil, nil
	}
	p := &publishers{failures: failures, allowed: map[string]map[ingest.Action]streampath.Globs{}}
	var err error
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
		p.allowed[u.Name] = map[ingest.Action]streampath.Globs{}
		for action, patterns := range map[ingest.Action][]string{ingest.ActionPublish: u.Publish, ingest.ActionPlay: u.Play} {
			if p.allowed[u.Name][action], err = streampath.ParseGlobs(patterns); err != nil {
				return nil, err
			}
		}
	}
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

// Digests returns the realm and the digest algorithms that a server may offer to its clients; see
// ingest.DigestAuthorizer.
func (p *publishers) Digests() ingest.Digests { return p.offers }

// proves returns an error unless the credentials of a request are right. A digest response, and the
// password of a user with a digest, are quick to check: auth.Digests accepts right ones even while
// another client at the same address guesses. Any other password must be hashed: auth.Passwords
// limits these checks more strictly.
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

// Authorize returns nil if the credentials of a client are right and one of the user's patterns for the
// action matches the path of the stream. It returns an error for any other request.
func (p *publishers) Authorize(ctx context.Context, r ingest.AccessRequest) error {
	c := r.Credentials
	if c == (ingest.Credentials{}) {
		return fmt.Errorf("no name and password: write them into the URL, %s://NAME:PASSWORD@HOST/PATH", r.Protocol)
	}
	if err := p.proves(ctx, r); err != nil && (p.passwords.Knows(c.Name) || p.digests.Has(c.Name)) {
		return fmt.Errorf("%s: %w", c.Name, err)
	} else if err != nil {
		return err
	}
	if !p.allowed[c.Name][r.Action].Match(r.Path) {
		return fmt.Errorf("%s may not %s this path: none of the user's %[2]s patterns in ingest.auth.users matches it", c.Name, r.Action)
	}
	return nil
}

// signIns holds the counters of failed sign-ins of each server. The key is http for the HTTP server, else
// the protocol of an ingest server.
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

// Describe sends the description of the metric; see prometheus.Collector.
func (s signIns) Describe(ch chan<- *prometheus.Desc) { ch <- signInFailures }

// Collect sends one value for each server and reason, even if it is 0; see prometheus.Collector.
func (s signIns) Collect(ch chan<- prometheus.Metric) {
	for server, failures := range s {
		failures.Each(func(reason auth.Reason, n uint64) {
			ch <- prometheus.MustNewConstMetric(signInFailures, prometheus.CounterValue, float64(n), server, string(reason))
		})
	}
}
