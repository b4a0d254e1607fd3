// SPDX-License-Identifier: Apache-2.0
// MailTls: a small mail client and server on Java's TLS, for its alerts, and for versions and suites that Debian's other
// libraries no longer have.
//
//   client HOST PORT DIALOGUE starttls|implicit TRUST [key=value...]
//   server IP PORT DIALOGUE starttls|implicit KEYS.p12 [key=value...]
//
// DIALOGUE is smtp, imap or pop3. TRUST is a PEM file of authorities, or `none`, which trusts nobody. Options: protocols=A,B
// ciphers=A,B groups=A,B name=SNI nocheck (client), dh=BITS noems ask (server). What is said inside TLS is a goodbye. Exit status 1: TLS failed.
import java.io.*;
import java.net.*;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.*;
import javax.net.ssl.*;

public final class MailTls {
    private static final Map<String, String[]> CLIENT = Map.of(
        "smtp", new String[] {"<220", ">EHLO client.example.org", "<250 ", ">STARTTLS", "<220"},
        "imap", new String[] {"<*", ">a1 STARTTLS", "<a1 "},
        "pop3", new String[] {"<+OK", ">STLS", "<+OK"});
    private static final Map<String, String[]> SERVER = Map.of(
        "smtp", new String[] {">220 legacy.example.org ESMTP JavaMail", "<EHLO", ">250-legacy.example.org", ">250 STARTTLS",
                              "<STARTTLS", ">220 2.0.0 Ready to start TLS"},
        "imap", new String[] {">* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] legacy.example.org ready", "<STARTTLS",
                              ">? OK Begin TLS negotiation now"},
        "pop3", new String[] {">+OK legacy.example.org ready", "<STLS", ">+OK Begin TLS"});
    private static final Map<String, String> GOODBYE = Map.of("smtp", "QUIT", "imap", "a9 LOGOUT", "pop3", "QUIT");

    private static String lastTag = "";

    private static String readLine(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("closed");
            }
            line.append((char) c);
        }
        return line.toString().trim();
    }

    private static void send(OutputStream out, String line) throws IOException {
        out.write((line + "\r\n").getBytes(StandardCharsets.US_ASCII));
        out.flush();
    }

    private static void converse(Socket socket, String[] steps) throws IOException {
        for (String step : steps) {
            String text = step.substring(1);
            if (step.charAt(0) == '>') {
                send(socket.getOutputStream(), text.replace("?", lastTag));
                continue;
            }
            String line;
            do {
                line = readLine(socket.getInputStream());
                lastTag = line.split(" ")[0];
            } while (!line.toUpperCase(Locale.ROOT).contains(text.toUpperCase(Locale.ROOT)));
        }
    }

    private static SSLContext context(String role, String file) throws Exception {
        KeyManager[] keys = null;
        TrustManager[] trust = null;
        if (role.equals("server")) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            try (InputStream in = new FileInputStream(file)) {
                store.load(in, "lab".toCharArray());
            }
            KeyManagerFactory factory = KeyManagerFactory.getInstance("SunX509");
            factory.init(store, "lab".toCharArray());
            keys = factory.getKeyManagers();
        } else {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            // An empty store is an error to Java, so who trusts nobody trusts an authority that signed nothing here.
            String path = file.equals("none") ? System.getProperty("java.home") + "/lib/security/cacerts" : file;
            if (file.equals("none")) {
                try (InputStream in = new FileInputStream(path)) {
                    store = KeyStore.getInstance(new File(path), "changeit".toCharArray());
                }
            } else {
                try (InputStream in = new FileInputStream(path)) {
                    store.setCertificateEntry("lab", CertificateFactory.getInstance("X.509").generateCertificate(in));
                }
            }
            TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
            factory.init(store);
            trust = factory.getTrustManagers();
        }
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys, trust, null);
        return context;
    }

    private static SSLSocket secure(SSLContext context, Socket plain, boolean server, String host, Map<String, String> options)
            throws IOException {
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, host, plain.getPort(), true);
        socket.setUseClientMode(!server);
        SSLParameters parameters = socket.getSSLParameters();
        if (options.containsKey("protocols")) {
            parameters.setProtocols(options.get("protocols").split(","));
        }
        if (options.containsKey("ciphers")) {
            parameters.setCipherSuites(options.get("ciphers").split(","));
        }
        if (!server) {
            parameters.setEndpointIdentificationAlgorithm(options.containsKey("nocheck") ? null : "LDAPS");
            if (options.containsKey("name")) {
                parameters.setServerNames(List.of(new SNIHostName(options.get("name"))));
            }
        }
        if (options.containsKey("ask")) {
            parameters.setNeedClientAuth(true);
        }
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return socket;
    }

    private static void client(String[] words, Map<String, String> options) throws Exception {
        String host = words[1], dialogue = words[3];
        SSLContext context = context("client", words[5]);
        try (Socket plain = new Socket(host, Integer.parseInt(words[2]))) {
            plain.setTcpNoDelay(true);
            if (words[4].equals("starttls")) {
                converse(plain, CLIENT.get(dialogue));
            }
            SSLSocket socket = secure(context, plain, false, host, options);
            System.out.println(socket.getSession().getProtocol() + " " + socket.getSession().getCipherSuite());
            if (words[4].equals("implicit")) {
                readLine(socket.getInputStream());
            }
            send(socket.getOutputStream(), GOODBYE.get(dialogue));
            readLine(socket.getInputStream());
            socket.close();
        }
    }

    private static void serveOne(Socket plain, String dialogue, boolean implicit, SSLContext context, Map<String, String> options) {
        try (plain) {
            plain.setTcpNoDelay(true);
            if (!implicit) {
                converse(plain, SERVER.get(dialogue));
            }
            SSLSocket socket = secure(context, plain, true, "client", options);
            if (implicit) {
                send(socket.getOutputStream(), SERVER.get(dialogue)[0].substring(1));
            }
            String line = readLine(socket.getInputStream());
            send(socket.getOutputStream(), dialogue.equals("smtp") ? "221 2.0.0 Bye"
                                           : dialogue.equals("pop3") ? "+OK bye" : line.split(" ")[0] + " OK bye");
            socket.close();
        } catch (Exception error) {
            System.out.println(error);
        }
    }

    private static void server(String[] words, Map<String, String> options) throws Exception {
        if (options.containsKey("dh")) {
            System.setProperty("jdk.tls.ephemeralDHKeySize", options.get("dh"));
        }
        if (options.containsKey("noems")) {
            System.setProperty("jdk.tls.useExtendedMasterSecret", "false");
        }
        SSLContext context = context("server", words[5]);
        try (ServerSocket door = new ServerSocket(Integer.parseInt(words[2]), 50, InetAddress.getByName(words[1]))) {
            while (true) {
                Socket plain = door.accept();
                new Thread(() -> serveOne(plain, words[3], words[4].equals("implicit"), context, options)).start();
            }
        }
    }

    public static void main(String[] words) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int i = 6; i < words.length; i++) {
            String[] pair = words[i].split("=", 2);
            options.put(pair[0], pair.length > 1 ? pair[1] : "");
        }
        if (options.containsKey("groups")) {
            System.setProperty("jdk.tls.namedGroups", options.get("groups"));
        }
        if (words[0].equals("server")) {
            server(words, options);
            return;
        }
        try {
            client(words, options);
        } catch (IOException error) {
            System.out.println(error);
            System.exit(1);
        }
    }
}
