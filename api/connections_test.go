package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/pipeline/media"
)

// openConnections are the connections of two servers. ended has the ids of those that were to be ended.
type openConnections struct{ ended *[]string }

func (o openConnections) End(protocol string, number uint64) bool {
	*o.ended = append(*o.ended, fmt.Sprintf("%s.%d", protocol, number))
	return protocol == "bbb" && number == 7
}

func (openConnections) Connections() (all []media.Connection) {
	since := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range 250 {
		all = append(all, media.Connection{Protocol: "aaa", Number: uint64(2 * i), Remote: fmt.Sprintf("192.0.2.1:%d", i), Since: since, State: media.ConnectionOpen})
	}
	return append(all, media.Connection{
		Protocol: "bbb", Number: 7, TLS: true, User: "cam", Remote: "[2001:db8::1]:554", Path: "live/a", Since: since, Bytes: 1 << 40, State: media.ConnectionPublishing,
	})
}

func TestConnectionsAreListedByPage(t *testing.T) {
	s := newFixture(t).server(func(_ *Config, d *Deps) { d.Clients = openConnections{new([]string)} })
	var remotes []string
	for query, pages := "?limit=100", 0; ; {
		pages++
		m := do(s, "GET", "/mp4/connections"+query, "").json(t)
		list := m["connections"].([]any)
		require.EqualValues(t, len(list), m["count"])
		for _, c := range list {
			remotes = append(remotes, c.(map[string]any)["remote"].(string))
		}
		next, more := m["next"].(string)
		if !more {
			require.Equal(t, 3, pages)
			break
		}
		query = "?limit=100&cursor=" + next
	}
	require.Len(t, remotes, 251)
	require.Equal(t, "192.0.2.1:0", remotes[0])
	require.Equal(t, "[2001:db8::1]:554", remotes[250])
	require.Equal(t, map[string]any{
		"protocol": "bbb", "tls": true, "user": "cam", "remote": "[2001:db8::1]:554", "stream_path": "live/a", "since": "2026-03-01T12:00:00.000000000Z", "bytes": 1099511627776., "state": "publishing",
		"id": "bbb.7", "sent_bytes": 0., "skipped_units": 0.,
	}, do(s, "GET", "/mp4/connections?state=publishing", "").json(t)["connections"].([]any)[0])
	require.EqualValues(t, 1, do(s, "GET", "/mp4/connections?protocol=bbb", "").json(t)["count"])
	require.EqualValues(t, 100, do(s, "GET", "/mp4/connections", "").json(t)["count"], "a page is bounded without a limit, too")
}

func TestAWrongCursorOfConnectionsIsReported(t *testing.T) {
	s := newFixture(t).server(func(_ *Config, d *Deps) { d.Clients = openConnections{new([]string)} })
	for _, cursor := range []string{"x", "aaa", "aaa.-1", "aaa.18446744073709551616", "%00.1x"} {
		do(s, "GET", "/mp4/connections?cursor="+cursor, "").refused(t, 400)
	}
	do(s, "GET", "/mp4/connections?limit=1000000", "").refused(t, 400)
	none := newFixture(t).server()
	require.Equal(t, []any{}, do(none, "GET", "/mp4/connections", "").json(t)["connections"])
}

// A user's name is half of the credentials, so a client with the role view does not see it.
func TestOnlyControlSeesThePublishersUser(t *testing.T) {
	const controlToken, declareToken = "control-0123456789abcdef", "declare-0123456789abcdef"
	s := newFixture(t).server(func(c *Config, d *Deps) {
		d.Clients = openConnections{new([]string)}
		c.Auth = auth.Config{Tokens: []auth.Token{
			{Token: viewToken, Roles: []auth.Role{auth.View}}, {Token: controlToken, Roles: []auth.Role{auth.Control}},
			{Token: adminToken, Roles: []auth.Role{auth.Admin}}, {Token: declareToken, Roles: []auth.Role{auth.Declare}},
		}}
	})
	for token, user := range map[string]any{viewToken: nil, declareToken: nil, controlToken: "cam", adminToken: "cam"} {
		m := do(s, "GET", "/mp4/connections?protocol=bbb", "", "Authorization", "Bearer "+token).json(t)
		c := m["connections"].([]any)[0].(map[string]any)
		require.Equal(t, user, c["user"], token)
		require.Equal(t, true, c["tls"], token)
	}
}

func TestAConnectionIsEnded(t *testing.T) {
	var ended []string
	s := newFixture(t).server(func(_ *Config, d *Deps) { d.Clients = openConnections{&ended} })
	require.Equal(t, "bbb.7", do(s, "DELETE", "/mp4/connections/bbb.7", "").json(t)["id"])
	for _, id := range []string{"bbb.8", "ccc.7", "bbb", "bbb.x", "bbb.18446744073709551616"} {
		do(s, "DELETE", "/mp4/connections/"+id, "").refused(t, 404)
	}
	require.Equal(t, []string{"bbb.7", "bbb.8", "ccc.7"}, ended)
	do(newFixture(t).server(), "DELETE", "/mp4/connections/bbb.7", "").refused(t, 404)
}
