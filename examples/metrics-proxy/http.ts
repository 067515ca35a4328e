// What both servers have in common: bodies checked by zod, a page that describes the API, and errors as answers.
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import fastify, { type FastifyReply } from 'fastify';
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import type { DaoError } from 'migrate-safe/dao';
import * as z from 'zod';

export const HOST = '127.0.0.1';

/** `routes` adds what it answers; `/docs` shows it, `/docs/json` is its OpenAPI description. */
export async function serverOf(
  about: { readonly title: string; readonly description: string },
  routes: (app: App) => void,
): Promise<App> {
  const app = fastify({ bodyLimit: 64 * 1024, forceCloseConnections: true }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler).setSerializerCompiler(serializerCompiler);
  // curl says that what it posts is a form.
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  );
  await app.register(swagger, { openapi: { info: { ...about, version: '1.0.0' } }, transform: jsonSchemaTransform });
  await app.register(swaggerUi, { routePrefix: '/docs' });
  await app.register((scoped, _, done) => {
    routes(scoped.withTypeProvider<ZodTypeProvider>());
    done();
  });
  return app;
}

export type App = ReturnType<typeof typed>;
const typed = () => fastify().withTypeProvider<ZodTypeProvider>();

export const refusal = z.object({ error: z.string() });

/** What a DAO could not do: the caller's fault, a moment's, or ours. */
export function refuse(reply: FastifyReply, error: DaoError): FastifyReply {
  switch (error.kind) {
    case 'invalid-row':
    case 'invalid-call':
      return reply
        .code(error.kind === 'invalid-row' && error.direction === 'read' ? 500 : 400)
        .send({ error: error.message });
    case 'not-found':
      return reply.code(404).send({ error: 'there is no such row' });
    case 'busy':
    case 'deadlock':
    case 'serialization-failure':
    case 'connection-lost':
    case 'pool-exhausted':
      return reply.code(503).header('retry-after', '1').send({ error: error.message });
    default:
      process.emitWarning(`${error.kind}: ${'message' in error ? error.message : ''}`);
      return reply.code(500).send({ error: 'the request could not be answered' });
  }
}
