package wire

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Play makes the peer, a server, play a stream. app and key name it, server is the URL up to app. It returns when media may
// come. An error is that of the connection, or a *Refusal.
func (c *Conn) Play(server, app, key string) error {
	if err := c.Begin(); err != nil {
		return err
	}
	connect := Object{
		{Key: "app", Value: app}, {Key: "flashVer", Value: "LNX 9,0,124,2"}, {Key: "tcUrl", Value: server}, {Key: "fpad", Value: false},
		{Key: "capabilities", Value: float64(15)}, {Key: "audioCodecs", Value: float64(0x0fff)}, {Key: "videoCodecs", Value: float64(0xff)},
		{Key: "videoFunction", Value: float64(1)}, {Key: "objectEncoding", Value: float64(0)},
		{Key: "fourCcList", Value: Strings("*")}, {Key: "capsEx", Value: float64(Capabilities)},
	}
	if err := c.Send(0, "connect", connectCall, connect); err != nil {
		return err
	}
	if _, err := c.answer(connectCall); err != nil {
		return err
	}
	if err := c.Send(0, "createStream", createCall, nil); err != nil {
		return err
	}
	created, err := c.answer(createCall)
	if err != nil {
		return err
	}
	stream := uint32(1)
	if len(created.Arguments) > 1 {
		if n, is := created.Arguments[1].(float64); is && n >= 0 && n < 1<<32 {
			stream = uint32(n)
		}
	}
	const liveOrRecorded = -2 // 7.2.2.1
	if err := c.bufferOf(stream); err != nil {
		return err
	}
	if err := c.Send(stream, "play", 0, nil, key, float64(liveOrRecorded)*1000); err != nil {
		return err
	}
	return c.played()
}

// Capabilities are those of Enhanced RTMP v2 that both ends here have (capsEx): multitrack, ModEx, and times in ns.
const Capabilities = 2 + 4 + 8

// The numbers of calls.
const (
	connectCall = 1
	createCall  = 2
)

// bufferOf tells the server how much media of a stream the client holds: a server sends so much ahead.
func (c *Conn) bufferOf(stream uint32) error {
	const bufferMS = 1000
	body := []byte{0, eventBufferLength}
	for _, n := range []uint32{stream, bufferMS} {
		body = append(body, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return c.send(typeUserControl, body)
}

// Refusal is the error of a server that does not play.
type Refusal struct {
	Code, Description string
}

func (r *Refusal) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("the server refuses: %s: %s", r.Code, r.Description), ": ")
}

// refusalOf returns the Refusal in a command, or nil.
func refusalOf(k *Command) error {
	info := k.Properties(1)
	if k.Name != "_error" && info.Text("level") != "error" && !failed(info.Text("code")) {
		return nil
	}
	return &Refusal{Code: oneLine(info.Text("code")), Description: oneLine(info.Text("description"))}
}

func failed(code string) bool {
	return strings.HasSuffix(code, ".Failed") || strings.HasSuffix(code, "NotFound") || strings.HasSuffix(code, ".Rejected")
}

// oneLine makes a text of the peer fit for an error: printable ASCII, 300 bytes at most.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return text[:min(len(text), 300)]
}

// command reads messages until one is a command.
func (c *Conn) command() (k Command, err error) {
	var m Message
	for {
		if err := c.Read(&m); err != nil {
			return k, err
		}
		k, is, err := m.Command()
		if is || err != nil {
			return k, err
		}
	}
}

// answer waits for the answer to a call.
func (c *Conn) answer(call float64) (Command, error) {
	for {
		k, err := c.command()
		switch {
		case err != nil:
			return k, err
		case k.Number == call && k.Name == "_result":
			return k, refusalOf(&k)
		case k.Name == "_error", k.Name == "onStatus":
			if err := refusalOf(&k); err != nil {
				return k, err
			}
		case k.Name == "close":
			return k, errors.New("the server closed the connection without a reason")
		}
	}
}

// played waits until the server plays.
func (c *Conn) played() error {
	for {
		k, err := c.command()
		if err == nil {
			err = refusalOf(&k)
		}
		if err != nil {
			return err
		}
		if code := k.Properties(1).Text("code"); k.Name == "onStatus" && code == "NetStream.Play.Start" {
			return nil
		}
	}
}

// Ended returns why the server no longer plays, if a command says so, or nil.
func (k *Command) Ended() error {
	switch code := k.Properties(1).Text("code"); {
	case k.Name != "onStatus":
		return nil
	case code == "NetStream.Play.Stop", code == "NetStream.Play.Complete", code == "NetStream.Play.UnpublishNotify":
		return fmt.Errorf("the source ended the stream: %s", code)
	}
	return refusalOf(k)
}

// Login is the state of the authentication of a client (authmod=adobe), which takes three connections: the server asks for
// it, gives a challenge to the user, and takes the response.
type Login struct {
	User, Password string
	step           int
	query          string
}

// Query returns what the client adds to app and to the URL of connect.
func (l *Login) Query() string { return l.query }

// Again takes the error of a connection. It reports whether the client is to connect again, with another Query.
func (l *Login) Again(err error) bool {
	refusal := (*Refusal)(nil)
	if !errors.As(err, &refusal) || !strings.Contains(refusal.Description, "authmod=adobe") || l.User == "" {
		return false
	}
	l.step++
	_, says, _ := strings.Cut(refusal.Description, "?")
	said := map[string]string{}
	for item := range strings.SplitSeq(strings.TrimRight(says, " ]"), "&") {
		key, value, _ := strings.Cut(item, "=")
		said[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	user := url.QueryEscape(l.User)
	switch {
	case l.step == 1 && said["reason"] == "":
		l.query = "?authmod=adobe&user=" + user
	case l.step == 2 && said["reason"] == "needauth":
		l.query = "?authmod=adobe&user=" + user + l.response(said["salt"], said["challenge"], said["opaque"])
	default:
		return false
	}
	return true
}

func (l *Login) response(salt, challenge, opaque string) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	own := hex.EncodeToString(random[:])
	sum := func(text string) string {
		hash := md5.Sum([]byte(text))
		return base64.StdEncoding.EncodeToString(hash[:])
	}
	proof := sum(l.User + salt + l.Password)
	if opaque != "" {
		return "&challenge=" + own + "&response=" + sum(proof+opaque+own) + "&opaque=" + opaque
	}
	return "&challenge=" + own + "&response=" + sum(proof+challenge+own)
}
