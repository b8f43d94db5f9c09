package client

import (
	"errors"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
)

// Info is the entry of RTP-Info for a track: it describes the first packet that the server plays.
type Info struct {
	Media *description.Media // section of the track
	URL   string             // as the server wrote it
	Seq   *uint16            // sequence number; nil: not given
	Time  *uint32            // RTP time; nil: not given
}

const fromNow = "Range: npt=0.000-"

// Play sends PLAY and returns the entries of RTP-Info in the answer. If the server refuses, Play tries without a Range,
// and then with a PLAY for each track. The client keeps media that arrives before Run, up to maxEarlyBytes.
func (c *Client) Play() ([]Info, error) {
	if c.UDP {
		for _, t := range c.tracks {
			t.udp.punch()
		}
	}
	res, err := c.do("PLAY", c.base, fromNow)
	if mayPlayOtherwise(err) {
		if res, err = c.do("PLAY", c.base); mayPlayOtherwise(err) {
			return c.playEach(err)
		}
	}
	if err != nil {
		return nil, err
	}
	return c.tookInfo(res), nil
}

// mayPlayOtherwise reports whether err is a refusal that another form of PLAY may avoid. 403 Forbidden and 453 Not
// Enough Bandwidth concern every form.
func mayPlayOtherwise(err error) bool {
	status := statusOf(err)
	return status >= 400 && status != 403 && status != 453
}

// playEach sends PLAY for each track, as some servers require. It skips tracks that the server refuses; if it refuses
// all, playEach returns first, the error of the PLAY for the session.
func (c *Client) playEach(first error) (out []Info, err error) {
	playing := 0
	for _, t := range c.tracks {
		res, err := c.do("PLAY", t.url, fromNow)
		if statusOf(err) != 0 {
			c.Log.Debug("a track is not played", "url", t.url, "reason", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		playing++
		out = append(out, c.tookInfo(res)...)
	}
	if playing == 0 {
		return nil, first
	}
	return out, nil
}

// tookInfo returns the entries of RTP-Info (RFC 2326, 12.33) in an answer. It skips unreadable entries, and entries
// whose URL is that of no track. It stores the sequence numbers in the tracks.
func (c *Client) tookInfo(res *message) (out []Info) {
	for _, entry := range strings.Split(strings.Join(res.header["rtp-info"], ","), ",") {
		i, err := readInfo(entry)
		if err != nil {
			continue
		}
		for _, t := range c.tracks {
			if sameTrack(i.URL, t.url) || len(c.tracks) == 1 {
				i.Media = t.media
				if i.Seq != nil {
					t.from, t.fromKnown = *i.Seq, true
				}
				out = append(out, i)
				break
			}
		}
	}
	return out
}

func readInfo(entry string) (i Info, err error) {
	for part := range strings.SplitSeq(entry, ";") {
		key, value, _ := strings.Cut(part, "=")
		value = strings.Trim(value, " \t\"")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "url":
			i.URL = value
		case "seq":
			if n, err := strconv.ParseUint(value, 10, 16); err == nil {
				seq := uint16(n)
				i.Seq = &seq
			}
		case "rtptime":
			if n, err := strconv.ParseUint(value, 10, 32); err == nil {
				at := uint32(n)
				i.Time = &at
			}
		}
	}
	if i.Seq == nil && i.Time == nil {
		return i, errors.New("the entry has neither seq nor rtptime")
	}
	return i, nil
}

// sameTrack reports whether entry, the URL in an entry of RTP-Info, means the track with the URL track. entry may be
// relative, or have another name of the server.
func sameTrack(entry, track string) bool {
	track = strings.TrimRight(strings.TrimPrefix(track, origin(track)), "/")
	if isURL(entry) {
		return strings.TrimRight(strings.TrimPrefix(entry, origin(entry)), "/") == track
	}
	return entry != "" && strings.HasSuffix(track, strings.TrimRight(entry, "/"))
}
