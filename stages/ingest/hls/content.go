package hls

import (
	"bufio"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// The bounds of the resources that a playlist names.
const (
	maxSegmentBytes = 128 << 20
	keyBytes        = aes.BlockSize
	tries           = 3 // at least; more while the playlist may still have it
	tryAgain        = 500 * time.Millisecond
)

// content reads a resource. If its connection fails, it opens the resource again and continues behind the bytes that have
// come.
type content struct {
	ctx   context.Context // of the read
	clock pipeline.Clock
	keeps func() time.Duration // for so long after its first failure the resource may still be there
	open  func() (*Resource, error)
	now   *Resource
	at    int64
	tries int
	until time.Time // end of the time that keeps has returned
}

// newContent opens a resource.
func newContent(ctx context.Context, clock pipeline.Clock, keeps func() time.Duration, open func() (*Resource, error)) (*content, error) {
	c := &content{ctx: ctx, clock: clock, keeps: keeps, open: open}
	for {
		var err error
		if c.now, err = open(); err == nil {
			return c, nil
		}
		if !c.again(err) {
			return nil, err
		}
	}
}

// again waits for another try after an error, and reports whether there is one.
func (c *content) again(err error) bool {
	if errors.As(err, &NotFollowedError{}) {
		return false
	}
	now := c.clock.Now()
	if c.tries++; c.tries == 1 {
		c.until = now.Add(c.keeps())
	}
	if c.tries >= tries && (refused(err) || !now.Before(c.until)) {
		return false
	}
	return pipeline.Sleep(c.ctx, c.clock, tryAgain, nil)
}

// Read reads the resource, maxSegmentBytes of it at most.
func (c *content) Read(b []byte) (int, error) {
	for {
		n, err := c.now.Read(b)
		c.at += int64(n)
		switch {
		case c.at > maxSegmentBytes:
			return 0, fmt.Errorf("it has more than %d MiB", maxSegmentBytes>>20)
		case n > 0 || err == nil || errors.Is(err, io.EOF):
			return n, err
		case !c.again(err):
			return 0, err
		}
		_ = c.now.Close()
		again, e := c.open()
		if e != nil {
			c.now = &Resource{ReadCloser: io.NopCloser(failed{e})}
			continue
		}
		c.now = again
		if _, e := io.CopyN(io.Discard, again, c.at); e != nil {
			c.now = &Resource{ReadCloser: io.NopCloser(failed{notEOF(e)})}
			_ = again.Close()
		}
	}
}

// failed is a resource that cannot be read.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// Close ends the reading.
func (c *content) Close() error { return c.now.Close() }

// decrypter decrypts a resource that is encrypted with AES-128 (RFC 8216, 4.3.2.4): in CBC mode, with the padding of PKCS #7.
type decrypter struct {
	from  io.Reader
	mode  cipher.BlockMode
	buf   [4 << 10]byte
	plain []byte // decrypted bytes that were not read
	last  int    // bytes at the end of plain that may be padding
	have  int    // encrypted bytes in buf
	ended bool
}

func newDecrypter(from io.Reader, secret []byte, iv [keyBytes]byte) (*decrypter, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return &decrypter{from: from, mode: cipher.NewCBCDecrypter(block, iv[:])}, nil
}

var errPadding = errors.New("it cannot be decrypted: the key is wrong, or its end is missing")

func (d *decrypter) Read(b []byte) (int, error) {
	for len(d.plain) <= d.last {
		if d.ended {
			return 0, io.EOF
		}
		if err := d.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(b, d.plain[:len(d.plain)-d.last])
	d.plain = d.plain[n:]
	return n, nil
}

// fill decrypts the next blocks. It holds the last one back, because the padding is in it.
func (d *decrypter) fill() error {
	var kept [keyBytes]byte
	held := copy(kept[:], d.plain)
	n, err := io.ReadFull(d.from, d.buf[d.have:len(d.buf)-keyBytes])
	d.have += n
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	d.ended = err != nil
	if d.have%keyBytes != 0 || d.ended && held+d.have == 0 {
		return errPadding
	}
	d.mode.CryptBlocks(d.buf[:d.have], d.buf[:d.have])
	copy(d.buf[held:], d.buf[:d.have])
	copy(d.buf[:held], kept[:held])
	d.plain, d.have, d.last = d.buf[:held+d.have], 0, keyBytes
	if d.ended {
		d.last = int(d.plain[len(d.plain)-1])
		if d.last == 0 || d.last > keyBytes {
			return errPadding
		}
	}
	return nil
}

// secrets fetches keys, and keeps the newest.
type secrets struct {
	uri    string
	secret []byte
}

// decrypt returns the content of a resource that is encrypted with a key, or is not encrypted if the key is nil. number is that of
// its segment.
func (r *rendition) decrypt(ctx context.Context, from io.Reader, k *key, number uint64) (io.Reader, error) {
	if k == nil {
		return from, nil
	}
	if k.method != "AES-128" {
		return nil, refusal{fmt.Errorf("segments are encrypted with METHOD=%.40q, which is not supported: only AES-128 is", k.method)}
	}
	var iv [keyBytes]byte
	if k.iv == "" {
		for i := range 8 {
			iv[keyBytes-1-i] = byte(number >> (8 * i))
		}
	} else if n, err := hex.Decode(iv[:], []byte(padded(k.iv))); err != nil || n != keyBytes {
		return nil, refusal{errors.New("the IV of EXT-X-KEY is no number of 128 bits")}
	}
	secret, err := r.secret(ctx, k.uri)
	if err != nil {
		return nil, fmt.Errorf("the key: %w", err)
	}
	return newDecrypter(from, secret, iv)
}

// padded returns the digits of a hexadecimal IV.
func padded(iv string) string {
	iv = strings.TrimPrefix(strings.TrimPrefix(iv, "0x"), "0X")
	if len(iv) > 2*keyBytes {
		return "" // which has too few digits
	}
	return strings.Repeat("0", 2*keyBytes-len(iv)) + iv
}

// secret returns the key at a URI.
func (r *rendition) secret(ctx context.Context, uri string) ([]byte, error) {
	u, err := r.resolve(uri)
	if err != nil {
		return nil, err
	}
	if u.String() == r.keys.uri {
		return r.keys.secret, nil
	}
	b, err := r.all(ctx, u, Range{}, keyBytes)
	switch {
	case err != nil:
		return nil, err
	case len(b) != keyBytes:
		return nil, fmt.Errorf("it has %d bytes and not %d", len(b), keyBytes)
	}
	r.keys = secrets{u.String(), b}
	return b, nil
}

// content opens a resource of the playlist, which may take so long to be read; 0: as long as it likes.
func (r *rendition) content(ctx context.Context, u *url.URL, of Range, within time.Duration) (*content, error) {
	return newContent(ctx, r.Clock, r.keeps, r.opener(ctx, u, of, within))
}

// keeps returns for how long a resource that fails is tried again: while the playlist may have it, but after the read timeout the
// server is lost.
func (r *rendition) keeps() time.Duration {
	if r.failed > 0 {
		return 0
	}
	return min(r.ReadTimeout, max(r.list.target, r.list.sum(position{})))
}

// all reads a whole resource of at most limit bytes.
func (r *rendition) all(ctx context.Context, u *url.URL, of Range, limit int64) ([]byte, error) {
	c, err := r.content(ctx, u, of, smallTimes*r.ReadTimeout)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	b, err := io.ReadAll(io.LimitReader(c, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return b, err
}

// resolve returns the URL of a reference in the playlist.
func (r *rendition) resolve(uri string) (*url.URL, error) { return resolve(r.base, uri) }

// resolve returns the URL of a reference in a resource at base.
func resolve(base *url.URL, uri string) (*url.URL, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, errors.New("a URI of the playlist cannot be read")
	}
	if u = base.ResolveReference(u); u.Scheme != base.Scheme && !(u.Scheme == "https" && base.Scheme == "http") {
		return nil, NotFollowedError{fmt.Errorf("%s is not followed: it has another scheme than the playlist", config.ShownURL(u))}
	}
	return u, nil
}

// sniffBytes is how much of a piece is looked at to find its form.
const sniffBytes = 1 << 10

// body is an open piece.
type body struct {
	piece *piece
	from  *content
	r     *bufio.Reader
}
