package hlscheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Playlist is a multivariant playlist with its media playlists, as they were fetched.
type Playlist struct {
	URL    *url.URL
	Faults []string // violated rules, of this playlist and of those below
	Media  []*Media // variants, then playlists of key frames
}

// Media is a media playlist.
type Media struct {
	URL           *url.URL
	Text          string
	TargetSeconds int64
	Sequence      int64
	Type          string // VOD, EVENT or empty
	Ended         bool
	KeyFrames     bool          // it has EXT-X-I-FRAMES-ONLY
	Start         time.Duration // EXT-X-START; 0: none
	Independent   bool
	Segments      []Segment
	bandwidth     int64 // BANDWIDTH of its variant
	codecs        string
	hasResolution bool
}

// Segment is a media segment.
type Segment struct {
	URL           *url.URL
	At, SizeBytes int64 // range of bytes; SizeBytes is 0 for the whole resource
	Duration      time.Duration
	Time          time.Time // of the playlist's wall clock; zero: unknown
	Dated         bool      // it has EXT-X-PROGRAM-DATE-TIME of its own
	Discontinuity bool
	Gap           bool
	Init          *url.URL // EXT-X-MAP
	// Range of bytes of EXT-X-MAP; InitBytes is 0 for the whole resource.
	InitAt, InitBytes int64

	line int
}

type checker struct {
	name   string // of the playlist that is checked
	get    func(u *url.URL, at, n int64) (body []byte, header http.Header, err error)
	Faults []string
	inits  map[string]*movie
}

// maxBytes bounds a playlist and a segment.
const maxBytes = 256 << 20

// Check fetches a multivariant playlist and all that it refers to, and checks it. The error is one of
// fetching.
func Check(ctx context.Context, client *http.Client, address string) (*Playlist, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	c := &checker{inits: map[string]*movie{}}
	c.get = func(u *url.URL, at, n int64) ([]byte, http.Header, error) { return fetch(ctx, client, u, at, n) }
	p := &Playlist{URL: u}
	err = c.multivariant(p)
	p.Faults = c.Faults
	return p, err
}

// fetch returns n bytes from offset at of a resource; all of it for n = 0.
func fetch(ctx context.Context, client *http.Client, u *url.URL, at, n int64) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	want := http.StatusOK
	if n > 0 {
		want = http.StatusPartialContent
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", at, at+n-1))
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBytes))
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("GET %s: %s: %s", u, resp.Status, bytes.TrimSpace(body[:min(len(body), 300)]))
	}
	if err == nil && n > 0 && int64(len(body)) != n {
		err = fmt.Errorf("GET %s: %d bytes from %d on are asked for, and %d came", u, n, at, len(body))
	}
	return body, resp.Header, err
}

// playlist fetches a playlist and splits it into lines.
func (c *checker) playlist(u *url.URL) (all []line, text string, err error) {
	body, header, err := c.get(u, 0, 0)
	if err != nil {
		return nil, "", err
	}
	c.name = u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	if t := header.Get("Content-Type"); t != "application/vnd.apple.mpegurl" && t != "audio/mpegurl" {
		c.fault(0, "its Content-Type is %q", t)
	}
	return c.lines(string(body)), string(body), nil
}

var (
	pixels  = regexp.MustCompile(`^[1-9][0-9]*x[1-9][0-9]*$`)
	rate    = regexp.MustCompile(`^[0-9]+(\.[0-9]{1,3})?$`)
	formats = regexp.MustCompile(`^[a-zA-Z0-9.,-]+$`)
)

func (c *checker) multivariant(p *Playlist) error {
	all, _, err := c.playlist(p.URL)
	if err != nil {
		return err
	}
	c.tags(all, true)
	var open *Media
	for _, l := range all {
		switch {
		case l.tag == "" && open == nil:
			c.fault(l.n, "a URI without EXT-X-STREAM-INF")
		case l.tag == "":
			open.URL = c.resolve(p.URL, l)
			p.Media, open = append(p.Media, open), nil
		case open != nil:
			c.fault(l.n, "EXT-X-STREAM-INF must be followed by a URI")
		case l.tag == "EXT-X-STREAM-INF":
			open = c.variant(l)
		case l.tag == "EXT-X-I-FRAME-STREAM-INF":
			m := c.variant(l)
			l.value = c.quoted(l, c.attributes(l), "URI")
			m.URL = c.resolve(p.URL, l)
			m.KeyFrames = true
			p.Media = append(p.Media, m)
		}
	}
	if len(p.Media) == 0 {
		c.fault(0, "it has no variant")
	}
	for _, m := range p.Media {
		keys := m.KeyFrames
		if err := c.media(m); err != nil {
			return err
		}
		if m.KeyFrames != keys {
			c.fault(0, "EXT-X-I-FRAMES-ONLY does not agree with the multivariant playlist")
		}
	}
	return nil
}

// variant checks the attributes of a variant.
func (c *checker) variant(l line) *Media {
	a := c.attributes(l)
	m := &Media{codecs: c.quoted(l, a, "CODECS")}
	m.bandwidth, _ = strconv.ParseInt(a["BANDWIDTH"], 10, 64)
	if !whole.MatchString(a["BANDWIDTH"]) || m.bandwidth == 0 {
		c.fault(l.n, "BANDWIDTH is needed")
	}
	if average, ok := a["AVERAGE-BANDWIDTH"]; ok {
		if n, _ := strconv.ParseInt(average, 10, 64); !whole.MatchString(average) || n > m.bandwidth {
			c.fault(l.n, "AVERAGE-BANDWIDTH %s is more than BANDWIDTH", average)
		}
	}
	if !formats.MatchString(m.codecs) {
		c.fault(l.n, "CODECS %q is missing or invalid", m.codecs)
	}
	if r, ok := a["RESOLUTION"]; ok && !pixels.MatchString(r) {
		c.fault(l.n, "RESOLUTION %q is invalid", r)
	}
	if r, ok := a["FRAME-RATE"]; ok && !rate.MatchString(r) {
		c.fault(l.n, "FRAME-RATE %q is invalid", r)
	}
	_, m.hasResolution = a["RESOLUTION"]
	known := []string{"BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS", "RESOLUTION", "FRAME-RATE", "URI", "AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS", "VIDEO-RANGE"}
	for name := range a {
		if !slices.Contains(known, name) {
			c.fault(l.n, "the attribute %s is unknown", name)
		}
	}
	return m
}

func (c *checker) resolve(base *url.URL, l line) *url.URL {
	u, err := url.Parse(l.value)
	if err != nil || l.value == "" {
		c.fault(l.n, "the URI %q is invalid", l.value)
		return base
	}
	return base.ResolveReference(u)
}

// Fault returns all violations in one error, or nil if there is none.
func (p *Playlist) Fault() error {
	if len(p.Faults) == 0 {
		return nil
	}
	return errors.New(strings.Join(p.Faults, "\n"))
}

// CheckMedia fetches and checks a media playlist alone, as Check does.
func CheckMedia(ctx context.Context, client *http.Client, u *url.URL) (*Playlist, error) {
	c := &checker{inits: map[string]*movie{}}
	c.get = func(u *url.URL, at, n int64) ([]byte, http.Header, error) { return fetch(ctx, client, u, at, n) }
	m := &Media{URL: u}
	err := c.media(m)
	return &Playlist{URL: u, Faults: c.Faults, Media: []*Media{m}}, err
}
