package mediamtx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/play"
	"github.com/gospool/spool/pipeline/media"
)

// shelf is a catalogue of finished recordings, of which it makes each page when it is asked for. Every tenth one follows a loss.
type shelf struct {
	rows  int
	pages int
	fail  int // the page that cannot be read, from 1; 0: none
}

func (s *shelf) Records(_ context.Context, q media.Query) (page media.Page, err error) {
	if s.pages++; s.pages == s.fail {
		return page, errors.New("the database is down")
	}
	if q.Stream != "cam" {
		return page, nil
	}
	first, _ := strconv.Atoi(q.Cursor)
	for i := first; i < min(first+q.Limit, s.rows); i++ {
		at := int64(i) * 60
		r := row(at, at+60)
		if i%10 == 0 && i > 0 {
			lossBefore(&r)
		}
		page.Records = append(page.Records, r)
	}
	if first+q.Limit < s.rows {
		page.Next = strconv.Itoa(first + q.Limit)
	}
	return page, nil
}

// newServer returns a server whose users have the password or the token "secret".
func newServer(t testing.TB, s *shelf, origins ...string) *Server {
	t.Helper()
	server, err := New(Config{
		Player:  &play.Player{Library: &clip.Library{}, Catalogue: s, Readers: &playback.Readers{}, Stall: time.Minute, Now: time.Now},
		Origins: origins,
		Allows: func(r *http.Request) (bool, time.Duration) {
			if name, password, ok := r.BasicAuth(); ok {
				if name == "guesser" {
					return false, 1500 * time.Millisecond
				}
				return name == "viewer" && password == "secret", 0
			}
			return r.Header.Get("Authorization") == "Bearer secret", 0
		},
		Fail: func(w http.ResponseWriter, _ *http.Request, err error) { http.Error(w, err.Error(), 500) },
	})
	require.NoError(t, err)
	return server
}

// ask sends a request as a user, with headers as name, value, name, value.
func ask(s *Server, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "nvr:9996"
	r.SetBasicAuth("viewer", "secret")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	w := httptest.NewRecorder()
	s.Serve(w, r, "https")
	return w
}

func TestTheListNamesTheURLOfEachSpan(t *testing.T) {
	w := ask(newServer(t, &shelf{rows: 15}), "GET", "/list?path=cam&start=2026-03-04T12:00:01.5Z&format=mp4&unknown=1")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
	require.JSONEq(t, `[
		{"start":"2026-03-04T12:00:01.5Z","duration":598.5,"url":"https://nvr:9996/get?duration=598.5&path=cam&start=2026-03-04T12%3A00%3A01.5Z"},
		{"start":"2026-03-04T12:10:00Z","duration":300,"url":"https://nvr:9996/get?duration=300&path=cam&start=2026-03-04T12%3A10%3A00Z"}
	]`, w.Body.String())
	require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
}

// The URL in the list asks for the span of its entry, to the nanosecond, whatever its length.
func TestTheURLOfAnEntryIsReadAsItsSpan(t *testing.T) {
	for _, s := range []span{{noonUTC, noonUTC + 1}, {noonUTC + 123456789, noonUTC + 86_400*second + 987654321}, {0, noonUTC + 7}} {
		l := &listWriter{w: httptest.NewRecorder(), path: "a b/ü&+%"}
		u := l.target(s)
		parsed, err := url.Parse(u)
		require.NoError(t, err)
		v := parsed.Query()
		require.NotEmpty(t, u)
		q, err := readGet(v)
		require.NoError(t, err)
		require.Equal(t, s.startUTC, q.Span.StartUTC)
		require.InDelta(t, float64(s.endUTC), float64(q.Span.EndUTC), 1000, "a duration in seconds has 53 bits")
	}
}

func TestErrorsAreThoseOfMediaMTX(t *testing.T) {
	s := newServer(t, &shelf{rows: 3})
	for _, c := range []struct {
		target string
		code   int
		text   string
	}{
		{"/list", 400, "invalid path name: cannot be empty ()"},
		{"/list?path=a/../b", 400, "invalid path name: "},
		{"/list?path=cam&start=x", 400, `invalid start: parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"`},
		{"/list?path=cam&end=x", 400, "invalid end: "},
		{"/list?path=other", 404, "no recording segments found"},
		{"/list?path=cam&start=2027-01-01T00:00:00Z", 404, "no recording segments found"},
		{"/get?path=cam", 400, "invalid start: "},
		{"/get?path=cam&start=" + noon + "&duration=x", 400, `invalid duration: time: invalid duration "x"`},
		{"/get?path=cam&start=" + noon + "&duration=1&format=x", 400, "invalid format: x"},
		{"/get?path=cam&start=" + noon + "&duration=0", 404, "no recording segments found"},
		{"/get?path=other&start=" + noon + "&duration=1", 404, "no recording segments found"},
	} {
		w := ask(s, "GET", c.target)
		require.Equal(t, c.code, w.Code, c.target)
		require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
		var body map[string]string
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
		require.Len(t, body, 2)
		require.Equal(t, "error", body["status"])
		require.Contains(t, body["error"], c.text)
	}
	for _, c := range [][2]string{{"GET", "/"}, {"GET", "/list/"}, {"POST", "/list?path=cam"}, {"DELETE", "/get"}, {"OPTIONS", "/list"}} {
		require.Equal(t, 404, ask(s, c[0], c[1]).Code, "%v", c)
	}
}

func TestCredentialsAreAcceptedWhereMediaMTXTakesThem(t *testing.T) {
	s := newServer(t, &shelf{rows: 1})
	for _, c := range []struct {
		what, query, authorization string
		code                       int
	}{
		{"Basic", "", "Basic dmlld2VyOnNlY3JldA==", 200},
		{"a token", "", "Bearer secret", 200},
		{"name and password as a bearer", "", "Bearer viewer:secret", 200},
		{"a token in the query", "&token=secret", "", 200},
		{"its old name", "&jwt=secret", "", 200},
		{"nothing", "", "", 401},
		{"a wrong token", "", "Bearer wrong", 401},
		{"a wrong password", "", "Bearer viewer:wrong", 401},
		{"a wrong token in the query", "&token=wrong", "", 401},
		{"two tokens", "&token=secret&token=secret", "", 401},
		{"the header counts", "&token=secret", "Bearer wrong", 401},
		{"another scheme", "&token=secret", "Digest x", 401},
		{"too many guesses", "", "Basic Z3Vlc3Nlcjp4", 429},
	} {
		w := ask(s, "GET", "/list?path=cam"+c.query, "Authorization", c.authorization)
		require.Equal(t, c.code, w.Code, c.what)
		if c.code == 200 {
			continue
		}
		require.JSONEq(t, `{"status":"error","error":"authentication error"}`, w.Body.String(), c.what)
		asked := w.Header().Get("WWW-Authenticate") != ""
		require.Equal(t, c.authorization == "" && !strings.HasPrefix(c.query, "&token=wrong"), asked, "%s: only a client without credentials is asked for some", c.what)
		if c.code == 429 {
			require.Equal(t, "2", w.Header().Get("Retry-After"))
		}
	}
}

func TestPagesOfAllowedOriginsMayAsk(t *testing.T) {
	s := newServer(t, &shelf{rows: 1}, "*")
	w := ask(s, "OPTIONS", "/list", "Authorization", "", "Origin", "https://a.example", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization")
	require.Equal(t, 204, w.Code)
	require.Empty(t, w.Body.String())
	require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "OPTIONS, GET", w.Header().Get("Access-Control-Allow-Methods"))
	require.Equal(t, "Authorization", w.Header().Get("Access-Control-Allow-Headers"))
	require.Equal(t, "*", ask(s, "GET", "/list?path=other").Header().Get("Access-Control-Allow-Origin"), "a page may read an error")
}

// sink counts an answer, and keeps nothing of it.
type sink struct {
	header http.Header
	code   int
	bytes  int64
	held   int // most bytes of one call
}

func (s *sink) Header() http.Header  { return s.header }
func (s *sink) WriteHeader(code int) { s.code = code }
func (s *sink) Write(b []byte) (int, error) {
	s.bytes += int64(len(b))
	s.held = max(s.held, len(b))
	return len(b), nil
}

func TestTheListOfManyRecordingsIsSentAsItIsMade(t *testing.T) {
	const rows = 200_000
	s := newServer(t, &shelf{rows: rows})
	r := httptest.NewRequest("GET", "/list?path=cam&token=secret", nil)
	w := &sink{header: http.Header{}}
	s.Serve(w, r, "http")
	require.Equal(t, rows/media.MaxLimit, s.Player.Catalogue.(*shelf).pages)
	require.Greater(t, w.bytes, int64(rows/10*100))
	require.LessOrEqual(t, w.held, 33<<10, "it is not collected")
}

func TestAListThatCannotBeFinishedIsCut(t *testing.T) {
	s := newServer(t, &shelf{rows: 5000, fail: 1})
	require.Equal(t, 500, ask(s, "GET", "/list?path=cam").Code)
	s = newServer(t, &shelf{rows: 5000, fail: 3})
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { ask(s, "GET", "/list?path=cam") })
}

func TestFurtherListsWait(t *testing.T) {
	s := newServer(t, &shelf{rows: 1})
	for range maxLists {
		s.lists <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "GET", "/list?path=cam&token=secret", nil)
	w := httptest.NewRecorder()
	s.Serve(w, r, "http")
	require.Equal(t, 500, w.Code, "the client has left: %s", w.Body)
	<-s.lists
	require.Equal(t, 200, ask(s, "GET", "/list?"+url.Values{"path": {"cam"}}.Encode()).Code, fmt.Sprint(len(s.lists)))
}
