package mpegts

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gospool/spool/pipeline/media"
)

// Nothing returns why a stream that has ended brought no media. losses are those of its publications.
func (d *Demuxer) Nothing(losses []media.Loss) error {
	for _, l := range losses {
		d.losses[l.Cause] += l.Count
	}
	t := &d.tables
	switch {
	case !t.association.known:
		return errors.New("it has no list of programs (PAT): it is damaged, or no whole recording")
	case len(t.maps) == 0:
		return errors.New("it has no description of a program (PMT)")
	case d.adopted == nil:
		var codecs []string
		for _, m := range t.maps {
			codecs = append(codecs, m.leftOut...)
		}
		return fmt.Errorf("its program has no track that can be recorded, only [%s]; %s", strings.Join(codecs, " "), Recordable)
	case d.losses[media.DropScrambled] > 0:
		return ErrScrambled
	}
	return fmt.Errorf("its program has no media that can be read%s", d.lostText())
}

// ErrScrambled reports that media is scrambled.
var ErrScrambled = errors.New("it is scrambled: switch encryption off at the sender, or record behind the receiver's descrambler")

// lostText lists the losses.
func (d *Demuxer) lostText() string {
	var b strings.Builder
	for _, c := range media.DropCauses {
		if n := d.losses[c.Word]; n > 0 {
			fmt.Fprintf(&b, "; %d %s: %s", n, c.Counts, c.Doc)
		}
	}
	return b.String()
}

// Cut returns the number of bytes of the incomplete packet with which the stream of a Player has ended.
func (d *Demuxer) Cut() int { return d.cut }

// doubt logs which data is incomplete, or may be, at the end of a file that ends with a whole packet. The last packet of a
// picture is stuffed, unless the picture fills its packets exactly.
func (d *Demuxer) doubt() {
	for _, e := range d.streams {
		switch {
		case e.state == inHeader, e.state == inPayload && e.left > 0:
			d.log.Warn("the stream is cut off: its last PES packet is incomplete", "codec", e.form.name, "pid", e.pid)
		case e.state == inPayload && e.left < 0 && !e.stuffed:
			d.log.Warn("the stream may be cut off: its last picture ends with a full packet, and may be incomplete", "codec", e.form.name, "pid", e.pid)
		}
	}
}
