package rtsp

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/clients"
)

// crowd is the number of cameras that connect at the same moment, as after a power cut.
const crowd = 200

// crowds publishes crowd streams over TCP from connections that are opened at the same moment, and returns them.
func crowds(t *testing.T, addr string) []*talk {
	t.Helper()
	all, answers, together := make([]*talk, crowd), make([]string, crowd), make(chan struct{})
	var publishing sync.WaitGroup
	for i := range crowd {
		publishing.Go(func() {
			<-together
			c, err := net.Dial("tcp", addr)
			if err != nil {
				answers[i] = err.Error()
				return
			}
			all[i] = talkOn(t, c)
			u := fmt.Sprintf("rtsp://%s/live/%d", addr, i)
			if answers[i] = all[i].publish(u, u+"/streamid=0", u); answers[i] == "RECORD: 200 OK" {
				err = all[i].pictures(3)
			}
			if err != nil {
				answers[i] = err.Error()
			}
		})
	}
	close(together)
	publishing.Wait()
	for i, answer := range answers {
		require.Equal(t, "RECORD: 200 OK", answer, "camera %d", i)
	}
	return all
}

// pictures sends key frames with their parameter sets.
func (k *talk) pictures(n uint32) error {
	seq := uint16(0)
	for i := range n {
		for _, nal := range append(slices.Clone(pipelinetest.AVC(640, 360).ParameterSets), []byte{0x65, 0x88, 0x84, 0x80, 1}) {
			b := append([]byte{'$', 0, 0, byte(12 + len(nal)), 0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}, nal...)
			if nal[0] == 0x65 {
				b[5] |= 0x80
			}
			binary.BigEndian.PutUint16(b[6:], seq)
			binary.BigEndian.PutUint32(b[8:], i*3600)
			if _, err := k.c.Write(b); err != nil {
				return err
			}
			seq++
		}
	}
	return nil
}

// All cameras record that connect at the same moment while silent connections take places, one more is refused, and when
// they have left they all get in again.
func TestACrowdOfCamerasAtTheLimit(t *testing.T) {
	r := newFixture(t)
	s, addr := r.serve(Config{MaxConnections: crowd, MaxPerAddress: crowd, ReadTimeout: deadline})
	var silent []*talk
	for range crowd / 10 {
		silent = append(silent, dial(t, addr))
	}
	for range 2 {
		cameras := crowds(t, addr)
		for _, k := range silent {
			k.closes()
		}
		eventually(t, "all have media", func() bool {
			for i := range crowd {
				if r.info(fmt.Sprint("live/", i)).AccessUnits == 0 {
					return false
				}
			}
			return true
		})
		before := s.Counts()
		dial(t, addr).closes()
		require.Equal(t, clients.Counts{Connections: crowd, GivenUp: crowd / 10, Refused: before.Refused + 1}, s.Counts())
		for i, k := range cameras {
			require.Equal(t, "200 OK", k.ask("TEARDOWN", fmt.Sprintf("rtsp://%s/live/%d", addr, i), "Session: "+k.session))
			_ = k.c.Close()
		}
		eventually(t, "they have left", func() bool { return s.Counts().Connections == 0 })
	}
}
