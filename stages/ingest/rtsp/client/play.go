package client

import (
	"errors"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
)

// Info is the RTP-Info of a track: its first played packet.
type Info struct {
	Media *description.Media
	URL   string
	Seq   *uint16
	Time  *uint32
}

const fromNow = "Range: npt=0.000-"

// Play starts the media. Frames that arrive before Run is called are kept, up to a bound.
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

// mayPlayOtherwise reports whether a refusal may concern the form of the request.
func mayPlayOtherwise(err error) bool {
	status := statusOf(err)
	return status >= 400 && status != 403 && status != 453
}

// playEach plays track by track, as some servers require. If all are refused the first refusal is the error.
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

// tookInfo reads RTP-Info (RFC 2326, 12.33), entry by entry.
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

// sameTrack compares the URL of an entry, which may be relative or use another name of the server, with a track's.
func sameTrack(entry, track string) bool {
	track = strings.TrimRight(strings.TrimPrefix(track, origin(track)), "/")
	if isURL(entry) {
		return strings.TrimRight(strings.TrimPrefix(entry, origin(entry)), "/") == track
	}
	return entry != "" && strings.HasSuffix(track, strings.TrimRight(entry, "/"))
}
