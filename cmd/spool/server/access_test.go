package server

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/ingest"
)

func publishRequest(name, password, path, remote string) ingest.AccessRequest {
	return ingest.AccessRequest{
		Protocol: "test", Action: ingest.ActionPublish, Path: path, Remote: remote,
		Credentials: ingest.Credentials{Name: name, Password: password},
	}
}

func TestPublishersMayUseTheirOwnPatternsOnly(t *testing.T) {
	hash, err := auth.HashPassword("open sesame")
	require.NoError(t, err)
	failures := newSignIns(slog.New(slog.DiscardHandler), config.Blocks{"rtsp": nil})
	may, err := newPublishers(configs.IngestAuth{Users: []configs.Publisher{
		{Name: "cam", PasswordHash: config.NewSecret(hash), Publish: []string{"live/cam", "site/*/door"}},
		{Name: "all", PasswordHash: config.NewSecret(hash), Publish: []string{"**"}},
		{Name: "eye", PasswordHash: config.NewSecret(hash), Play: []string{"live/*"}},
	}}, pipeline.SystemClock, failures)
	require.NoError(t, err)
	for _, c := range []struct{ user, pass, path, err string }{
		{"cam", "open sesame", "live/cam", ""},
		{"cam", "open sesame", "site/3/door", ""},
		{"all", "open sesame", "live/cam", ""},
		{"cam", "open sesame", "live/cam2", "cam may not publish this path"},
		{"cam", "open sesame", "site/3/4/door", "cam may not publish this path"},
		{"cam", "wrong", "live/cam", "name or password is wrong"},
		{"nobody", "open sesame", "live/cam", "name or password is wrong"},
		{"", "", "live/cam", "no name and password"},
	} {
		err := may.Authorize(context.Background(), publishRequest(c.user, c.pass, c.path, "192.0.2.1:5000"))
		if c.err == "" {
			require.NoError(t, err, c)
			continue
		}
		require.ErrorContains(t, err, c.err, c)
	}
	for range 20 {
		err = may.Authorize(context.Background(), publishRequest("cam", "wrong", "live/cam", "192.0.2.7:5000"))
	}
	require.ErrorIs(t, err, auth.ErrBlocked)
	for range 20 { // the first request of every client, without credentials, is no attempt
		err = may.Authorize(context.Background(), publishRequest("", "", "live/cam", "192.0.2.8:5000"))
	}
	require.NotErrorIs(t, err, auth.ErrBlocked)
	require.NoError(t, may.Authorize(context.Background(), publishRequest("cam", "open sesame", "live/cam", "192.0.2.8:5000")))

	require.ErrorContains(t, may.Authorize(context.Background(), publishRequest("cam", "typed wrongly", "live/cam", "192.0.2.8:5000")), "cam: ")
	require.NotContains(t, may.Authorize(context.Background(), publishRequest("open sesame", "cam", "live/cam", "192.0.2.8:5000")).Error(), "sesame", "typed into the wrong field")

	digest := publishRequest("cam", "", "live/cam", "192.0.2.8:5000")
	digest.Credentials.Digest = &ingest.Digest{Name: "cam", Realm: "spool", Nonce: "n", Method: "ANNOUNCE", URI: "/live/cam", Hash: "00"}
	require.ErrorContains(t, may.Authorize(context.Background(), digest), "cam: this server accepts only a digest")

	watch := publishRequest("eye", "open sesame", "live/cam", "192.0.2.9:5000")
	require.ErrorContains(t, may.Authorize(context.Background(), watch), "eye may not publish this path")
	watch.Action = ingest.ActionPlay
	require.NoError(t, may.Authorize(context.Background(), watch))
	watch.Path = "site/3/door"
	require.ErrorContains(t, may.Authorize(context.Background(), watch), "eye may not play this path")
	watch.Credentials.Name = "all"
	require.ErrorContains(t, may.Authorize(context.Background(), watch), "all may not play this path")

	open, err := newPublishers(configs.IngestAuth{None: true}, pipeline.SystemClock, nil)
	require.NoError(t, err)
	require.Nil(t, open)
}

// TestSignInsAreCountedByServerAndReason checks that the metric has no other labels, so that the
// number of series is fixed.
func TestSignInsAreCountedByServerAndReason(t *testing.T) {
	failures := newSignIns(slog.New(slog.DiscardHandler), config.Blocks{"rtsp": nil, "whip": nil})
	for i := range 100 {
		failures["rtsp"].Count(auth.WrongPassword, fmt.Sprint("192.0.2.", i, ":1"), fmt.Sprint("cam", i))
	}
	failures["http"].Count(auth.Malformed, "192.0.2.1:1", "")
	failures["gone"].Count(auth.Malformed, "192.0.2.1:1", "")
	registry := prometheus.NewRegistry()
	require.NoError(t, registry.Register(failures))
	families, err := registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 1)
	require.Equal(t, "spool_sign_in_failures_total", families[0].GetName())
	require.Len(t, families[0].Metric, 3*5)
	want := map[string]float64{"http malformed": 1, "rtsp wrong_password": 100}
	for _, m := range families[0].Metric {
		of := m.Label[1].GetValue() + " " + m.Label[0].GetValue()
		require.InDelta(t, want[of], m.Counter.GetValue(), 0, of)
	}
}

// A user with only a digest counts as a known user, also when the client sends a password.
func TestAWrongPasswordOfAUserWithADigestIsCounted(t *testing.T) {
	d, err := auth.HashDigest("cam", "spool", "secret")
	require.NoError(t, err)
	failures := newSignIns(slog.New(slog.DiscardHandler), config.Blocks{"test": nil})
	may, err := newPublishers(configs.IngestAuth{Users: []configs.Publisher{{
		Name: "cam", Digest: configs.Digest{Realm: "spool", MD5: config.NewSecret(d.MD5), SHA256: config.NewSecret(d.SHA256)}, Publish: []string{"**"},
	}}}, pipeline.SystemClock, failures)
	require.NoError(t, err)
	require.ErrorIs(t, may.Authorize(t.Context(), publishRequest("cam", "wrong", "live/a", "192.0.2.1:1")), auth.ErrWrong)
	require.ErrorIs(t, may.Authorize(t.Context(), publishRequest("nobody", "wrong", "live/a", "192.0.2.1:1")), auth.ErrWrong)
	require.NoError(t, may.Authorize(t.Context(), publishRequest("cam", "secret", "live/a", "192.0.2.1:1")))
	counts := map[auth.Reason]uint64{}
	failures["test"].Each(func(r auth.Reason, n uint64) { counts[r] = n })
	require.EqualValues(t, 1, counts[auth.WrongPassword])
	require.EqualValues(t, 1, counts[auth.UnknownName])
}

// Where only users of the API may watch, an ingest server that knows no users plays nothing.
func TestIngestServersPlayToClientsThatTheyKnow(t *testing.T) {
	for _, c := range []struct {
		enable      bool
		http, users int
		want        bool
	}{{true, 0, 0, true}, {true, 0, 1, true}, {true, 1, 1, true}, {true, 1, 0, false}, {false, 0, 1, false}} {
		cfg := &configs.Config{}
		cfg.Egress = configs.Egress{Enable: c.enable, MaxReaders: 7}
		cfg.HTTP.Auth.Tokens = make([]configs.Token, c.http)
		cfg.Ingest.Auth.Users = make([]configs.Publisher, c.users)
		require.Equal(t, ingest.Readers{Allowed: c.want, Max: 7}, ingestReaders(cfg, nil), "%+v", c)
	}
}
