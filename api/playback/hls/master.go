package hls

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/media"
)

// WriteMaster writes the multivariant playlist, with one variant. mediaURI and keysURI are the
// URI references of the media playlist and of the playlist of key frames. It returns ErrNothing, or an error of
// Part.Load, before it has written anything.
func (l *Playlist) WriteMaster(w io.Writer, mediaURI, keysURI string) error {
	f, err := l.Facts()
	if err == nil && f.Segments == 0 {
		err = ErrNothing
	}
	if err != nil {
		return err
	}
	pictures, videos, all, err := l.describe()
	if err != nil {
		return err
	}
	k, err := l.KeyFacts()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "#EXTM3U\n#EXT-X-VERSION:%d\n", version)
	if f.Independent && !l.Event {
		fmt.Fprint(out, "#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
	rate := ""
	if pictures.FrameRate > 0 {
		rate = fmt.Sprintf(",FRAME-RATE=%.3f", pictures.FrameRate)
	}
	fmt.Fprintf(out, "#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d%s%s%s\n%s\n",
		max(f.PeakBits, 1), max(f.AverageBits(), 1), codecList(all), resolution(pictures), rate, mediaURI)
	if pictures.Codec != "" && k.Segments > 0 {
		fmt.Fprintf(out, "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d%s%s,URI=\"%s\"\n",
			max(k.PeakBits, 1), max(k.AverageBits(), 1), codecList(videos), resolution(pictures), keysURI)
	}
	return out.Flush()
}

// describe returns the largest pictures of all parts, and the codecs of the pictures and of all tracks, each once.
func (l *Playlist) describe() (pictures Format, videos, all []string, err error) {
	for i := range l.Parts {
		m, err := l.Parts[i].Load()
		if err != nil {
			return pictures, nil, nil, err
		}
		if m == nil {
			continue
		}
		for _, f := range m.Formats {
			if !slices.Contains(all, f.Codec) {
				all = append(all, f.Codec)
			}
			if f.Kind != media.Video {
				continue
			}
			if !slices.Contains(videos, f.Codec) {
				videos = append(videos, f.Codec)
			}
			if f.Width*f.Height > pictures.Width*pictures.Height {
				pictures.Codec, pictures.Width, pictures.Height = f.Codec, f.Width, f.Height
			}
			pictures.FrameRate = max(pictures.FrameRate, f.FrameRate)
		}
	}
	return pictures, videos, all, nil
}

func codecList(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf(",CODECS=\"%s\"", strings.Join(list, ","))
}

func resolution(f Format) string {
	if f.Width == 0 {
		return ""
	}
	return fmt.Sprintf(",RESOLUTION=%dx%d", f.Width, f.Height)
}
