import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.regex.*;

/** Reads lines of three texts in hexadecimal, pattern, text and replacement; writes what Java makes of them. */
public class JavaOracle {
    static String text(String hex) {
        return new String(HexFormat.of().parseHex(hex), StandardCharsets.UTF_8);
    }

    static int bytes(String text, int index) {
        return text.substring(0, index).getBytes(StandardCharsets.UTF_8).length;
    }

    static String answer(String pattern, String text, String replacement) {
        Pattern compiled;
        try {
            compiled = Pattern.compile(pattern);
        } catch (PatternSyntaxException error) {
            return "refused";
        }
        StringBuilder out = new StringBuilder();
        Matcher matcher = compiled.matcher(text);
        out.append(matcher.matches()).append(' ');
        matcher.reset();
        while (matcher.find()) {
            out.append('[').append(bytes(text, matcher.start())).append(',').append(bytes(text, matcher.end()));
            for (int group = 1; group <= matcher.groupCount(); group++) {
                if (matcher.start(group) < 0) {
                    out.append(" -");
                } else {
                    out.append(' ').append(bytes(text, matcher.start(group))).append(',').append(bytes(text, matcher.end(group)));
                }
            }
            out.append(']');
        }
        out.append(' ');
        try {
            out.append(matcher.reset().replaceAll(replacement));
        } catch (IllegalArgumentException | IndexOutOfBoundsException error) {
            out.append("wrong");
        }
        for (int limit : new int[] {0, -1, 2}) {
            out.append(' ').append(Arrays.asList(compiled.split(text, limit)));
        }
        return out.toString();
    }

    public static void main(String[] arguments) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream out = new PrintStream(new BufferedOutputStream(System.out), false, StandardCharsets.UTF_8);
        for (String line; (line = in.readLine()) != null; ) {
            String[] fields = line.split(" ", -1);
            String answer;
            try {
                answer = answer(text(fields[0]), text(fields[1]), text(fields[2]));
            } catch (StackOverflowError error) {
                answer = "overflow";
            }
            out.println(HexFormat.of().formatHex(answer.getBytes(StandardCharsets.UTF_8)));
        }
        out.flush();
    }
}
