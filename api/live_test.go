package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/pipeline/streampath"
)

// liveFiles serves a file NAME.mp4 of each stream.
type liveFiles struct{}

func (liveFiles) Stream(file string) (path string, known bool) {
	return strings.CutSuffix(file, ".mp4")
}

func (liveFiles) Serve(w http.ResponseWriter, _ *http.Request, file, user string) error {
	_, err := fmt.Fprintf(w, "%s for %s", file, user)
	return err
}

func TestLiveStreamsAreServed(t *testing.T) {
	s := newFixture(t).server(func(_ *Config, d *Deps) { d.Live = liveFiles{} })
	require.Equal(t, "live/a.mp4 for ", do(s, "GET", "/mp4/live/live/a.mp4", "").body)
	do(s, "GET", "/mp4/live/live/a", "").refused(t, 404)
	do(s, "GET", "/mp4/live/a//b.mp4", "").refused(t, 400)
	do(s, "GET", "/mp4/live/a.mp4?x=1", "").refused(t, 400)
	do(newFixture(t).server(), "GET", "/mp4/live/live/a.mp4", "").refused(t, 503)
}

func patterns(t *testing.T, list ...string) (all []streampath.Glob) {
	t.Helper()
	for _, p := range list {
		g, err := streampath.ParseGlob(p)
		require.NoError(t, err)
		all = append(all, g)
	}
	return all
}

func TestWhoMayReadALiveStream(t *testing.T) {
	const guest, wide, publisher = "guest-0123456789abcdef", "wide-0123456789abcdef", "publisher-0123456789abcdef"
	s := newFixture(t).server(func(c *Config, d *Deps) {
		d.Live = liveFiles{}
		c.Auth = auth.Config{Tokens: []auth.Token{
			{Token: viewToken, Roles: []auth.Role{auth.View}},
			{Token: guest, Streams: auth.Streams{Play: patterns(t, "live/front", "shop/**")}},
			{Token: wide, Roles: []auth.Role{auth.Admin}, Streams: auth.Streams{Play: patterns(t, "yard/*")}},
			{Token: publisher, Streams: auth.Streams{Publish: patterns(t, "**")}},
		}}
	})
	for _, c := range []struct {
		token, path string
		code        int
	}{
		{viewToken, "live/front", 200}, {guest, "live/front", 200}, {guest, "shop/1/2", 200}, {guest, "live/back", 403}, {guest, "live/front/2", 403},
		{wide, "yard/1", 200}, {wide, "live/front", 403}, {publisher, "live/front", 403}, {"wrong-0123456789abcdef", "live/front", 401},
	} {
		require.Equal(t, c.code, do(s, "GET", "/mp4/live/"+c.path+".mp4", "", "Authorization", "Bearer "+c.token).code, "%s %s", c.token, c.path)
	}
	do(s, "GET", "/mp4/live/live/front.mp4", "").refused(t, 401)
	for _, token := range []string{guest, publisher} { // no role
		do(s, "GET", "/mp4/records", "", "Authorization", "Bearer "+token).refused(t, 403)
	}
}

// sessions answers each request of WHIP and WHEP with what it is.
type sessions struct{}

func (sessions) Publish(w http.ResponseWriter, _ *http.Request, path, user string) error {
	w.WriteHeader(http.StatusCreated)
	_, err := fmt.Fprintf(w, "publish %s as %s", path, user)
	return err
}

func (sessions) Play(w http.ResponseWriter, _ *http.Request, path, user string) error {
	w.WriteHeader(http.StatusCreated)
	_, err := fmt.Fprintf(w, "play %s as %s", path, user)
	return err
}

func (sessions) Change(w http.ResponseWriter, _ *http.Request, path, session string) error {
	_, err := fmt.Fprintf(w, "change %s of %s", session, path)
	return err
}

func (sessions) Leave(w http.ResponseWriter, path, session string) error {
	_, err := fmt.Fprintf(w, "leave %s of %s", session, path)
	return err
}

func TestSessionsOfWHIPAndWHEP(t *testing.T) {
	s := newFixture(t).server(func(_ *Config, d *Deps) { d.Peers = sessions{} })
	for _, c := range []struct {
		method, path, media string
		code                int
		answer              string
	}{
		{"POST", "/whip/live/a", "application/sdp", 201, "publish live/a as "},
		{"POST", "/whep/live/a", "application/sdp; charset=utf-8", 201, "play live/a as "},
		{"PATCH", "/whip/live/a/secret", "application/trickle-ice-sdpfrag", 200, "change secret of live/a"},
		{"DELETE", "/whep/live/a/secret", "", 200, "leave secret of live/a"},
		{"POST", "/whip/live/a", "application/json", 415, ""},
		{"POST", "/whep/live/a", "", 415, ""},
		{"PATCH", "/whip/live/a/secret", "application/sdp", 415, ""},
		{"POST", "/whip/", "application/sdp", 400, ""},
		{"DELETE", "/whip/secret", "", 404, ""},
	} {
		got := do(s, c.method, c.path, "v=0", "Content-Type", c.media)
		require.Equal(t, c.code, got.code, "%+v: %s", c, got.body)
		if c.answer != "" {
			require.Equal(t, c.answer, got.body)
		}
	}
	do(newFixture(t).server(), "POST", "/whip/live/a", "v=0", "Content-Type", "application/sdp").refused(t, 503)
}

func TestWhoMayPublishByWHIP(t *testing.T) {
	const front, viewer = "front-0123456789abcdef", "viewer-0123456789abcdef"
	s := newFixture(t).server(func(c *Config, d *Deps) {
		d.Peers = sessions{}
		c.Auth = auth.Config{Tokens: []auth.Token{
			{Name: "front", Token: front, Streams: auth.Streams{Publish: patterns(t, "live/front")}},
			{Name: "admin", Token: adminToken, Roles: []auth.Role{auth.Admin}},
			{Name: "viewer", Token: viewer, Streams: auth.Streams{Play: patterns(t, "live/front")}},
		}}
	})
	for _, c := range []struct {
		token, path string
		code        int
	}{
		{"", "/whip/live/front", 401}, {front, "/whip/live/front", 201}, {front, "/whip/live/back", 403}, {front, "/whep/live/front", 403},
		{adminToken, "/whip/live/front", 403}, {adminToken, "/whep/live/front", 201}, {viewer, "/whep/live/front", 201}, {viewer, "/whep/live/back", 403},
		{viewer, "/whip/live/front", 403},
	} {
		got := do(s, "POST", c.path, "v=0", "Content-Type", "application/sdp", "Authorization", "Bearer "+c.token)
		require.Equal(t, c.code, got.code, "%+v: %s", c, got.body)
	}
	got := do(s, "POST", "/whip/live/front", "v=0", "Content-Type", "application/sdp", "Authorization", "Bearer "+front)
	require.Equal(t, "publish live/front as token front", got.body)
}
