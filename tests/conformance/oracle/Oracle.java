import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import net.minidev.json.parser.JSONParser;
import net.minidev.json.writer.JsonReader;
import org.apache.velocity.VelocityContext;
import org.apache.velocity.app.VelocityEngine;
import org.apache.velocity.app.event.EventCartridge;
import org.apache.velocity.app.event.InvalidReferenceEventHandler;
import org.apache.velocity.context.Context;
import org.apache.velocity.runtime.RuntimeConstants;
import org.apache.velocity.runtime.log.NullLogChute;
import org.apache.velocity.util.introspection.Info;

/**
 * Renders templates with Apache Velocity 1.7. One line in: dialect, template and variables, the
 * last two in base64 of UTF-8, the variables as JSON. One line out: whether it worked, and what
 * was printed or the kind of exception, in base64.
 */
public final class Oracle {
    private Oracle() {}

    public static void main(String[] arguments) throws Exception {
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split(" ", -1);
            String answer;
            try {
                answer = "ok " + encode(render(parts[0], decode(parts[1]), decode(parts[2])));
            } catch (Throwable error) {
                answer = "error " + encode(error.getClass().getSimpleName() + ": " + error.getMessage());
            }
            out.println(answer);
            out.flush();
        }
    }

    private static String render(String dialect, String template, String variables)
            throws Exception {
        VelocityEngine engine = new VelocityEngine();
        // Each template has an engine of its own: macros are an engine's, not a template's.
        engine.setProperty(RuntimeConstants.RUNTIME_LOG_LOGSYSTEM_CLASS, NullLogChute.class.getName());
        engine.setProperty(RuntimeConstants.PARSER_POOL_SIZE, "1");
        engine.setProperty(RuntimeConstants.VM_LIBRARY, "");
        engine.init();
        VelocityContext context = new VelocityContext();
        JSONParser parser = new JSONParser(JSONParser.MODE_PERMISSIVE);
        Object document = parser.parse(variables, new JsonReader().DEFAULT_ORDERED);
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) document).entrySet()) {
            context.put((String) entry.getKey(), entry.getValue());
        }
        if (dialect.equals("api-gateway")) {
            EventCartridge cartridge = new EventCartridge();
            cartridge.addEventHandler(new Missing());
            cartridge.attachToContext(context);
        }
        StringWriter writer = new StringWriter();
        engine.evaluate(context, writer, "template", template);
        return writer.toString();
    }

    private static String encode(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String decode(String text) {
        return new String(Base64.getDecoder().decode(text), StandardCharsets.UTF_8);
    }

    /** What has no value is the empty string. */
    public static final class Missing implements InvalidReferenceEventHandler {
        @Override
        public Object invalidGetMethod(
                Context context, String reference, Object object, String property, Info info) {
            return "";
        }

        @Override
        public boolean invalidSetMethod(
                Context context, String left, String right, Info info) {
            return false;
        }

        @Override
        public Object invalidMethod(
                Context context, String reference, Object object, String method, Info info) {
            return "";
        }
    }
}
