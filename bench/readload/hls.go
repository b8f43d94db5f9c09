package readload

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// readHLS plays low-latency HLS (RFC 8216bis) over one connection. It follows the media playlist by blocking reload and delta
// updates, and fetches each part once, from the newest key frame on.
func readHLS(ctx context.Context, address string, ready func(), w io.Writer) error {
	p := hlsPlayer{ctx: ctx, client: &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}, w: w}
	defer p.client.CloseIdleConnections()
	text, err := p.get(address)
	if err != nil {
		return err
	}
	media, err := mediaURL(address, text)
	if err != nil {
		return err
	}
	if text, err = p.get(media.String()); err != nil {
		return err
	}
	list := readPlaylist(text)
	parts := list.fromKeyFrame()
	if list.init == "" || len(parts) == 0 {
		return fmt.Errorf("%s has no part of a key frame", media)
	}
	if err = p.files(media, []string{list.init}); err != nil {
		return err
	}
	for {
		if err = p.files(media, parts); err != nil {
			return err
		}
		ready()
		last := parts[len(parts)-1]
		if text, err = p.get(list.reload(media)); err != nil {
			return err
		}
		list = readPlaylist(text)
		at := slices.Index(list.parts, last)
		if at < 0 || at == len(list.parts)-1 {
			return fmt.Errorf("%s has no part behind %s", media, last)
		}
		parts = list.parts[at+1:]
	}
}

// hlsPlayer fetches the files of one stream.
type hlsPlayer struct {
	ctx    context.Context
	client *http.Client
	w      io.Writer // gets all that is fetched
}

// get returns a file.
func (p *hlsPlayer) get(address string) ([]byte, error) {
	var b bytes.Buffer
	err := p.fetch(address, io.MultiWriter(&b, p.w))
	return b.Bytes(), err
}

// files fetches files whose addresses are relative to a playlist.
func (p *hlsPlayer) files(playlist *url.URL, names []string) error {
	for _, name := range names {
		u, err := playlist.Parse(name)
		if err != nil {
			return err
		}
		if err := p.fetch(u.String(), p.w); err != nil {
			return err
		}
	}
	return nil
}

func (p *hlsPlayer) fetch(address string, to io.Writer) error {
	r, err := http.NewRequestWithContext(p.ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, resp.Status)
	}
	_, err = io.Copy(to, resp.Body)
	return err
}

// mediaURL returns the address of the first media playlist in a multivariant playlist.
func mediaURL(address string, text []byte) (*url.URL, error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return base.Parse(line)
		}
	}
	return nil, errors.New(address + " lists no playlist")
}

// playlist holds what a player needs of a media playlist.
type playlist struct {
	init    string
	parts   []string // addresses, the oldest first
	key     int      // index in parts of the newest one that begins with a key frame; -1: none
	segment uint64   // number of the segment that the next part belongs to
	part    int      // index of the next part in it
}

func readPlaylist(text []byte) playlist {
	l := playlist{key: -1}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		tag, value, _ := strings.Cut(lines.Text(), ":")
		switch tag {
		case "#EXT-X-MEDIA-SEQUENCE":
			l.segment, _ = strconv.ParseUint(value, 10, 63)
		case "#EXT-X-SKIP":
			n, _ := strconv.ParseUint(strings.TrimPrefix(value, "SKIPPED-SEGMENTS="), 10, 31)
			l.segment += n
		case "#EXT-X-MAP":
			l.init = quoted(value)
		case "#EXTINF":
			l.segment, l.part = l.segment+1, 0
		case "#EXT-X-PART":
			if strings.Contains(value, "INDEPENDENT=YES") {
				l.key = len(l.parts)
			}
			l.parts, l.part = append(l.parts, quoted(value)), l.part+1
		}
	}
	return l
}

// quoted returns the value of the attribute URI.
func quoted(attributes string) string {
	_, rest, _ := strings.Cut(attributes, `URI="`)
	uri, _, _ := strings.Cut(rest, `"`)
	return uri
}

// fromKeyFrame returns the parts from the newest key frame on.
func (l *playlist) fromKeyFrame() []string {
	if l.key < 0 {
		return nil
	}
	return l.parts[l.key:]
}

// reload returns the address at which the server answers once the next part is there (RFC 8216bis, 6.2.5.2).
func (l *playlist) reload(media *url.URL) string {
	u := *media
	q := u.Query()
	q.Set("_HLS_msn", strconv.FormatUint(l.segment, 10))
	q.Set("_HLS_part", strconv.Itoa(l.part))
	q.Set("_HLS_skip", "YES")
	u.RawQuery = q.Encode()
	return u.String()
}
