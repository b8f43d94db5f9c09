package ingest

import "context"

// Authorizer decides what a client of a server may do. The program hands one to each
// server; a nil one lets every client do everything: see Authorize.
type Authorizer interface {
	// Authorize returns nil where the client may do what it asks for, and else an error
	// for the log; the client is told no more than that it may not. It may take long, as
	// passwords are hashed. The context has an error once the client has hung up.
	Authorize(ctx context.Context, r AccessRequest) error
}

// AccessRequest is what a client asks to do.
type AccessRequest struct {
	Protocol    string // of the server, as it is registered: rtsp
	Action      Action
	Path        string // of the stream
	Remote      string // the client's host:port
	Credentials Credentials
}

// Action is what a client may do to a stream.
type Action string

// The actions.
const (
	ActionPublish Action = "publish"
)

// Credentials are what a client says about itself. The zero value is one that has sent
// none.
type Credentials struct {
	Name     string
	Password string
	Digest   *Digest // nil: it is the password itself that was sent
}

// Digest is the response to a challenge, by which a client shows that it knows the
// password (RFC 7616, 3.4), each part as the client wrote it. That nonce and URI are those
// of the challenge and of the request is checked by the server. QOP, Count and
// ClientNonce are empty where the client knows none (RFC 2069).
type Digest struct {
	SHA256                  bool // else MD5
	Name, Realm, Nonce      string
	Method, URI             string
	QOP, Count, ClientNonce string
	Hash                    string // in hexadecimal digits
}

// DigestAuthorizer is an Authorizer that can check the responses to challenges.
type DigestAuthorizer interface {
	Authorizer
	Digests() Digests
}

// Digests says what a challenge may ask for.
type Digests struct {
	Realm       string
	MD5, SHA256 bool // whether every user who has a digest has one by this algorithm
	All         bool // every user has a digest
}

// DigestsOf returns what challenges of an Authorizer may ask for; nothing where it does
// not check any.
func DigestsOf(a Authorizer) Digests {
	if d, is := a.(DigestAuthorizer); is {
		return d.Digests()
	}
	return Digests{}
}

// Authorize asks an Authorizer, and returns the name that it has accepted: empty where
// there is none, since a name that nobody has checked is no name.
func Authorize(ctx context.Context, a Authorizer, r AccessRequest) (name string, err error) {
	if a == nil {
		return "", nil
	}
	if err := a.Authorize(ctx, r); err != nil {
		return "", err
	}
	return r.Credentials.Name, nil
}
